#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tests/bench/load_options.h"
#include "tests/bench/signer.h"

namespace sluice::bench {

/// One request as it goes out.
struct LoadRequest {
  std::string head;        ///< With its blank line.
  std::string_view block;  ///< The body is this, again and again.
  std::uint64_t body_size = 0;
  bool is_head = false;     ///< No body comes back, whatever Content-Length says.
  bool keeps_body = false;  ///< The body that comes back is looked at.
};

/// One response as it came.
struct LoadResponse {
  int status = 0;
  std::string_view head;     ///< As it was sent, from the status line to the blank line.
  std::uint64_t length = 0;  ///< Of its body.
  std::string_view body;     ///< Where the request keeps it.
};

/// Where a connection is in what it does.
struct LoadScript {
  std::size_t number = 0;  ///< Of the key.
  std::size_t step = 0;    ///< Of an upload: 0 begins it, then the parts, then its completion.
  std::string upload_id;
  std::vector<std::string> etags;
  std::string completion;
  std::uint64_t length_expected = 0;  ///< Of the body that comes back, where checks_length.
  bool checks_length = false;
};

/// Makes the requests of a run, one after another. Each is signed once and sent many
/// times, so that signing bounds nothing. One thread.
class LoadRequests {
 public:
  explicit LoadRequests(const LoadOptions& options);

  /// Makes what will be sent again and again, so that no latency has its signing in it. Before the
  /// clock starts; some thousand requests at most.
  void sign_ahead();

  /// Begins with something new.
  void begin(LoadScript& script, LoadRequest& request);

  /// Takes the answer. True: `request` is what follows; false: the operation is complete. Throws
  /// std::runtime_error if the answer is not what it has to be.
  bool go_on(LoadScript& script, const LoadResponse& response, LoadRequest& request);

 private:
  struct Signed {
    std::string lines;
    std::chrono::steady_clock::time_point made;
  };
  /// What is to be asked, before it is signed.
  struct Asked {
    std::string_view method;
    std::string path;
    std::string query;
    std::string_view payload_hash;
    std::uint64_t body_size = 0;
  };

  std::string key(std::size_t number) const;
  std::string sign(const Asked& asked) const;
  const std::string& object_lines(std::size_t number, bool puts);
  std::string list_query(std::size_t number) const;
  void add_range(std::string& head);
  void set_up(LoadScript& script, LoadRequest& request);
  void check(const LoadScript& script, const LoadResponse& response) const;
  void check_page(std::string_view page) const;

  const LoadOptions& options_;
  Signer signer_;
  std::string block_;
  std::string payload_hash_;
  std::unordered_map<std::size_t, Signed> signed_;
  Signed once_;
  std::mt19937_64 random_{11};
  std::size_t next_ = 0;
};

}  // namespace sluice::bench
