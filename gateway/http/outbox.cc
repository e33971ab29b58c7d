#include "gateway/http/outbox.h"

#include <boost/asio/post.hpp>
#include <utility>

namespace sluice::http {

void Outbox::Sender::unlink() {
  if (outbox_ == nullptr) return;
  Outbox& box = *std::exchange(outbox_, nullptr);
  (previous_ != nullptr ? previous_->next_ : box.first_) = next_;
  (next_ != nullptr ? next_->previous_ : box.last_) = previous_;
  next_ = previous_ = nullptr;
}

void Outbox::add(Sender& sender, const Executor& executor) {
  sender.outbox_ = this;
  sender.previous_ = last_;
  (last_ != nullptr ? last_->next_ : first_) = &sender;
  last_ = &sender;
  if (std::exchange(posted_, true)) return;
  // Stands behind everything that is ready to run now.
  boost::asio::post(executor, [this] { send_all(); });
}

void Outbox::send_all() {
  posted_ = false;
  while (first_ != nullptr) {
    Sender& sender = *first_;
    sender.unlink();
    sender.send_now();
  }
}

}  // namespace sluice::http
