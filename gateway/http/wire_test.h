#pragma once

#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "gateway/http/session.h"

namespace sluice::http::test {

/// A handler made of a function, kept with what it captures.
class FunctionHandler : public Handler {
 public:
  using Function = std::function<Awaitable<Response>(RequestContext&, const Request&)>;
  explicit FunctionHandler(Function function) : function_(std::move(function)) {}
  Awaitable<Response> handle(RequestContext& context, const Request& request) override {
    return function_(context, request);
  }

 private:
  Function function_;
};

inline Response response_of(std::string content, unsigned status = 200) {
  Response response{.header = ResponseHeader(status)};
  response.content = Chunk::of(std::move(content));
  return response;
}

inline Response response_of(std::unique_ptr<BodySource> body, std::optional<std::uint64_t> length) {
  Response response{.header = ResponseHeader(200), .content_length = length};
  response.body = std::move(body);
  return response;
}

/// Yields the pieces one by one, then ends, or fails.
class PieceSource : public BodySource {
 public:
  explicit PieceSource(std::vector<std::string> pieces, bool fails = false)
      : pieces_(std::move(pieces)), fails_(fails) {}
  Task<Chunk> read() override {
    if (at_ < pieces_.size()) co_return Chunk::of(pieces_[at_++]);
    if (fails_) co_return fail(ErrorCode::corrupt, "the source failed");
    co_return Chunk{};
  }

 private:
  std::vector<std::string> pieces_;
  bool fails_;
  std::size_t at_ = 0;
};

/// A handler that reads whole bodies, remembers `METHOD target body`, or what went
/// wrong, and answers with that.
class Echo : public Handler {
 public:
  Awaitable<Response> handle(RequestContext&, const Request& request) override {
    std::string said = request.header.method_text + " " + request.header.target;
    const auto body = co_await read_all(request.body, 64 << 20);
    if (!body) error = body.error().code;
    if (body && !body->empty()) said += " " + *body;
    if (!body) said += " !";
    heard.push_back(said);
    co_return response_of(said, body ? 200 : 400);
  }

  std::vector<std::string> heard;
  std::optional<ErrorCode> error;
};

/// One connection to serve(), with its client in the test's hands. Both run on the
/// test's thread, while the test waits for something; time passes by tick() alone.
class Wire {
 public:
  explicit Wire(Handler& handler, SessionOptions session_options = {}, Log* log = nullptr)
      : options(session_options),
        scope{.handler = handler,
              .protocol = "test",
              .options = options,
              .pool = pool,
              .log = log == nullptr ? null_log_ : *log,
              .metrics = metrics.add_shard(),
              .deadlines = deadlines,
              .ids = ids,
              .outbox = outbox,
              .pipe = pipe,
              .draining = draining} {
    using boost::asio::ip::tcp;
    tcp::acceptor acceptor(io, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
    client_.connect(acceptor.local_endpoint());
    TcpSocket served(io.get_executor());
    acceptor.accept(served);
    served.set_option(tcp::no_delay(true));
    client_.set_option(tcp::no_delay(true));
    boost::asio::co_spawn(io.get_executor(), serve(std::move(served), "192.0.2.1", scope),
                          [this](const std::exception_ptr& thrown) {
                            served_ = true;
                            threw_ = thrown != nullptr;
                          });
    listen();
  }

  void send(std::string_view text) {
    outgoing_ += text;
    if (!writing_) write();
  }
  /// No more will be sent.
  void finish() {
    run_until([this] { return outgoing_.empty() && !writing_; });
    boost::system::error_code ignored;
    client_.shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
  }
  /// The client takes no more than what is on its way to it.
  void stop_reading() { deaf_ = true; }
  /// The client is gone.
  void close() {
    boost::system::error_code ignored;
    client_.close(ignored);
  }

  /// Everything received up to the end of `mark`.
  std::string until(std::string_view mark) {
    std::size_t at = 0;
    std::size_t looked = 0;  // Where a mark can begin at the earliest.
    run_until([&] {
      at = received_.find(mark, looked);
      looked = received_.size() - std::min(received_.size(), mark.size() - 1);
      return at != std::string::npos || closed_;
    });
    if (at == std::string::npos) throw std::runtime_error("closed before \"" + std::string(mark) + "\": " + received_);
    return take(at + mark.size());
  }
  std::string until_closed() {
    run_until([&] { return closed_; });
    return take(received_.size());
  }
  /// What came so far.
  const std::string& received() const { return received_; }
  bool was_reset() const { return reset_; }

  bool served() const { return served_; }
  bool threw() const { return threw_; }
  void until_served() {
    run_until([this] { return served_; });
  }

  void tick(int seconds) {
    for (int i = 0; i < seconds; ++i) deadlines.tick();
  }

  /// Runs until the server has dealt with everything sent, and waits.
  void settle() {
    io.restart();
    int unsent = 1;
    while (unsent != 0 || writing_) {
      io.poll();
      if (::ioctl(client_.native_handle(), SIOCOUTQ, &unsent) != 0) break;
    }
    while (io.poll() != 0) {
    }
  }

  template <class Condition>
  void run_until(Condition condition) {
    io.restart();
    while (!condition()) {
      if (io.run_one_for(std::chrono::seconds(20)) == 0) throw std::runtime_error("nothing happens: " + received_);
    }
  }

  SessionOptions options;
  BufferPool pool{4 * BufferPool::kChunkSize};
  Metrics metrics{pool};
  Deadlines deadlines;
  RequestIds ids{1};
  Outbox outbox;
  PagePipe pipe;
  std::atomic<bool> draining = false;
  boost::asio::io_context io{1};

 private:
  std::string take(std::size_t count) {
    std::string taken = received_.substr(0, count);
    received_.erase(0, count);
    return taken;
  }

  void listen() {
    if (deaf_) return;
    client_.async_read_some(boost::asio::buffer(input_), [this](boost::system::error_code error, std::size_t count) {
      received_.append(input_.data(), count);
      if (!error) return listen();
      closed_ = true;
      reset_ = error == boost::asio::error::connection_reset;
    });
  }

  void write() {
    writing_ = true;
    sending_ = std::exchange(outgoing_, {});
    boost::asio::async_write(client_, boost::asio::buffer(sending_),
                             [this](boost::system::error_code error, std::size_t) {
                               writing_ = false;
                               if (error) outgoing_.clear();
                               if (!outgoing_.empty()) write();
                             });
  }

  NullLog null_log_;

 public:
  SessionScope scope;

 private:
  boost::asio::ip::tcp::socket client_{io};
  std::array<char, 65536> input_;
  std::string outgoing_, sending_, received_;
  bool writing_ = false, closed_ = false, reset_ = false, served_ = false, threw_ = false, deaf_ = false;
};

}  // namespace sluice::http::test
