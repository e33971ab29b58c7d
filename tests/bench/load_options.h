#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace sluice::bench {

enum class Operation : std::uint8_t {
  get,
  put,
  head,
  del,
  mixed,        ///< 7 of 10 get, the others put.
  list,         ///< Pages of 1000 keys.
  multipart,    ///< Whole uploads of `parts` parts of `size` bytes; one counts as one request.
  make_bucket,  ///< The bucket itself; that it is there already is fine.
};

enum class Protocol : std::uint8_t { s3, blob };

/// What the command line says.
struct LoadOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 9000;
  bool tls = false;  ///< The certificate is not looked at.
  Protocol protocol = Protocol::s3;
  bool plain = false;  ///< Without signatures, for a server of static files.
  std::string region = "us-east-1";

  Operation operation = Operation::get;
  std::string bucket = "bench";
  bool signs_payload = false;
  std::size_t size = 4096;
  std::size_t objects = 1000;
  bool folders = false;     ///< Keys load/00012/345 instead of load/00012345.
  std::size_t range = 0;    ///< Bytes of a random range of each object.
  std::size_t parts = 8;    ///< Of an upload.
  bool sequential = false;  ///< Keys in turn, not at random,
  std::size_t first = 0;    ///< from this one on.
  bool delimiter = false;   ///< Of a list: the folders alone.
  bool last_page = false;   ///< Of a list: its last 1000 keys alone.

  std::size_t connections = 64;
  double seconds = 5;
  std::size_t count = 0;  ///< Requests in all; 0: as many as fit in `seconds`.
  std::size_t rate = 0;   ///< At most so many a second; 0: as many as can be. Latency is from when one was due.
};

/// Throws std::invalid_argument for what it does not know.
LoadOptions parse_options(int argc, char** argv);

}  // namespace sluice::bench
