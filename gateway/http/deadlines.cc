#include "gateway/http/deadlines.h"

namespace sluice::http {

void Deadlines::tick() {
  ++now_;
  for (Deadline* each = first_; each != nullptr; each = each->next_) {
    if (each->due_ >= now_) continue;
    each->clear();
    each->expire();
  }
}

void Deadlines::expire_idle() {
  for (Deadline* each = first_; each != nullptr; each = each->next_) {
    if (!each->idle_) continue;
    each->clear();
    each->expire();
  }
}

Deadline::Deadline(Deadlines& all) : all_(all), next_(all.first_) {
  if (next_ != nullptr) next_->previous_ = this;
  all_.first_ = this;
  ++all_.count_;
}

Deadline::~Deadline() {
  (previous_ != nullptr ? previous_->next_ : all_.first_) = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
  --all_.count_;
}

}  // namespace sluice::http
