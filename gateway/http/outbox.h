#pragma once

#include "gateway/core/result.h"

namespace sluice::http {

/// The answers of one thread's connections that are ready to be sent. They are held until
/// every request that has come is looked at, and go out one after the other: who
/// waits for several of them is woken once, not once for each. Everything happens on that
/// one thread.
class Outbox {
 public:
  /// One connection with an answer to send.
  class Sender {
   public:
    Sender() = default;
    virtual ~Sender() { unlink(); }
    Sender(const Sender&) = delete;
    Sender& operator=(const Sender&) = delete;

   protected:
    /// Sends what is to be sent, without waiting. Called once after each add(). Must not
    /// destroy any sender.
    virtual void send_now() = 0;
    bool is_listed() const { return outbox_ != nullptr; }
    void unlink();

   private:
    friend class Outbox;
    Outbox* outbox_ = nullptr;
    Sender* next_ = nullptr;
    Sender* previous_ = nullptr;
  };

  Outbox() = default;
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  /// Has `sender` send before the thread, whose executor this is, waits again. Not while
  /// it is listed. This must outlive what the executor runs.
  void add(Sender& sender, const Executor& executor);

 private:
  void send_all();

  Sender* first_ = nullptr;
  Sender* last_ = nullptr;
  bool posted_ = false;
};

}  // namespace sluice::http
