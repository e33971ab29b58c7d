#include "tests/bench/load_requests.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include "gateway/core/digest.h"
#include "gateway/core/encoding.h"

namespace sluice::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::minutes kSignedFor{5};  // Servers allow 15.
constexpr std::size_t kBlockSize = 1 << 20;
constexpr std::size_t kFolderSize = 1000;
constexpr std::size_t kPageSize = 1000;
constexpr std::size_t kAheadMax = 5000;
constexpr std::string_view kUnsigned = "UNSIGNED-PAYLOAD";
constexpr const char* kEmulatorKey =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

std::string environment(const char* name, const char* fallback) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : fallback;
}

bool sends_body(Operation operation) {
  return operation == Operation::put || operation == Operation::mixed || operation == Operation::multipart;
}

std::string hash_of(std::string_view block, std::uint64_t size) {
  const auto hasher = Hasher::create(DigestAlgorithm::sha256);
  for (std::uint64_t at = 0; at < size; at += block.size()) hasher->update(block.substr(0, size - at));
  return to_hex(hasher->finish().bytes);
}

std::string_view between(std::string_view text, std::string_view open, std::string_view close) {
  const auto begin = text.find(open);
  if (begin == text.npos) return {};
  text.remove_prefix(begin + open.size());
  return text.substr(0, text.find(close));
}

std::string_view etag_of(std::string_view head) {
  for (const std::string_view name : {"\r\nETag: ", "\r\netag: ", "\r\nEtag: "}) {
    if (const auto value = between(head, name, "\r\n"); !value.empty()) return value;
  }
  throw std::runtime_error("a part came without an ETag");
}

}  // namespace

LoadRequests::LoadRequests(const LoadOptions& options) : options_(options) {
  const bool blob = options.protocol == Protocol::blob;
  signer_ = {.access_key = blob ? environment("AZURE_STORAGE_ACCOUNT", "devstoreaccount1")
                                : environment("AWS_ACCESS_KEY_ID", "sluicedev"),
             .secret_key = blob ? environment("AZURE_STORAGE_KEY", kEmulatorKey)
                                : environment("AWS_SECRET_ACCESS_KEY", "sluicedevsecret"),
             .region = options.region,
             .host = options.host + ":" + std::to_string(options.port)};
  if (sends_body(options.operation)) block_.resize(std::min(options.size, kBlockSize));
  std::mt19937_64 random(7);
  for (char& c : block_) c = static_cast<char>(random());
  payload_hash_ = options.signs_payload ? hash_of(block_, block_.empty() ? 0 : options.size) : std::string(kUnsigned);
}

std::string LoadRequests::key(std::size_t number) const {
  char text[32];
  if (options_.folders) {
    std::snprintf(text, sizeof text, "load/%05zu/%03zu", number / kFolderSize, number % kFolderSize);
  } else {
    std::snprintf(text, sizeof text, "load/%08zu", number);
  }
  return text;
}

std::string LoadRequests::sign(const Asked& asked) const {
  const bool blob = options_.protocol == Protocol::blob;
  const std::string path = blob ? "/" + signer_.access_key + asked.path : asked.path;
  std::string lines;
  lines.append(asked.method).append(" ").append(path);
  if (!asked.query.empty()) lines.append("?").append(asked.query);
  lines.append(" HTTP/1.1\r\n");
  if (options_.plain) {
    lines.append("Host: ").append(signer_.host).append("\r\n");
  } else if (blob) {
    lines += signer_.sign_blob(asked.method, path, asked.query, asked.body_size);
  } else {
    lines += signer_.sign(asked.method, path, asked.query, asked.payload_hash);
  }
  if (asked.method == "PUT" || asked.method == "POST") {
    lines.append("Content-Length: ").append(std::to_string(asked.body_size)).append("\r\n");
  }
  return lines;
}

const std::string& LoadRequests::object_lines(std::size_t number, bool puts) {
  // What is asked once need not be kept.
  Signed& known = options_.sequential ? once_ : signed_[number * 2 + (puts ? 1 : 0)];
  const auto now = Clock::now();
  if (!options_.sequential && !known.lines.empty() && now - known.made < kSignedFor) return known.lines;
  Asked asked{.method = "GET", .path = "/" + options_.bucket, .query = {}, .payload_hash = kUnsigned};
  if (options_.operation == Operation::list) {
    asked.query = list_query(number);
  } else {
    asked.path += "/" + key(number);
    if (options_.operation == Operation::head) asked.method = "HEAD";
    if (options_.operation == Operation::del) asked.method = "DELETE";
  }
  if (puts) {
    asked.method = "PUT";
    asked.payload_hash = payload_hash_;
    asked.body_size = options_.size;
  }
  known = {sign(asked), now};
  return known.lines;
}

std::string LoadRequests::list_query(std::size_t number) const {
  std::string query = options_.delimiter ? "delimiter=%2F&" : "";
  query += "list-type=2&max-keys=" + std::to_string(kPageSize) + "&prefix=load%2F";
  if (options_.delimiter) return query;
  const std::size_t last = options_.objects > kPageSize ? options_.objects - kPageSize - 1 : 0;
  return query + "&start-after=" + percent_encode(key(options_.last_page ? last : std::min(number, last)), false);
}

void LoadRequests::add_range(std::string& head) {
  const std::size_t first = random_() % (options_.size - options_.range + 1);
  head += options_.protocol == Protocol::blob ? "x-ms-range: " : "Range: ";
  head += "bytes=" + std::to_string(first) + "-" + std::to_string(first + options_.range - 1) + "\r\n";
}

void LoadRequests::sign_ahead() {
  const Operation operation = options_.operation;
  const bool reads = operation == Operation::get || operation == Operation::head || operation == Operation::list;
  const bool mixed = operation == Operation::mixed;
  if (options_.sequential || (!reads && !mixed && operation != Operation::put)) return;
  for (std::size_t number = 0; number < std::min(options_.objects, kAheadMax); ++number) {
    if (reads || mixed) object_lines(number, false);
    if (!reads) object_lines(number, true);
  }
}

void LoadRequests::begin(LoadScript& script, LoadRequest& request) {
  script.number = options_.sequential ? options_.first + next_++ % options_.objects : random_() % options_.objects;
  script.step = 0;
  request.body_size = 0;
  request.block = {};
  request.is_head = options_.operation == Operation::head;
  request.keeps_body = options_.operation == Operation::list || options_.operation == Operation::multipart;
  if (options_.operation == Operation::multipart || options_.operation == Operation::make_bucket) {
    script.etags.clear();
    return set_up(script, request);
  }
  const bool puts =
      options_.operation == Operation::put || (options_.operation == Operation::mixed && random_() % 10 < 3);
  request.head = object_lines(script.number, puts);
  if (options_.range != 0) add_range(request.head);
  request.head += "\r\n";
  if (puts) {
    request.block = block_;
    request.body_size = options_.size;
  }
  script.checks_length = !puts && (options_.operation == Operation::get || options_.operation == Operation::mixed);
  script.length_expected = options_.range != 0 ? options_.range : options_.size;
}

/// The request of the step that an upload, or the making of a bucket, has come to.
void LoadRequests::set_up(LoadScript& script, LoadRequest& request) {
  script.checks_length = false;
  request.block = {};
  Asked asked{.method = "PUT", .path = "/" + options_.bucket, .query = {}, .payload_hash = kUnsigned};
  if (options_.operation == Operation::make_bucket) {
    if (options_.protocol == Protocol::blob) asked.query = "restype=container";
  } else {
    asked.path += "/" + key(script.number);
    if (script.step == 0) {
      asked.method = "POST";
      asked.query = "uploads=";
    } else if (script.step <= options_.parts) {
      asked.query =
          "partNumber=" + std::to_string(script.step) + "&uploadId=" + percent_encode(script.upload_id, false);
      asked.payload_hash = payload_hash_;
      request.block = block_;
    } else {
      asked.method = "POST";
      asked.query = "uploadId=" + percent_encode(script.upload_id, false);
      script.completion = "<CompleteMultipartUpload>";
      for (std::size_t part = 0; part < script.etags.size(); ++part) {
        script.completion += "<Part><PartNumber>" + std::to_string(part + 1) + "</PartNumber><ETag>" +
                             script.etags[part] + "</ETag></Part>";
      }
      script.completion += "</CompleteMultipartUpload>";
      request.block = script.completion;
    }
  }
  const bool is_part = script.step != 0 && script.step <= options_.parts;
  asked.body_size = is_part ? options_.size : request.block.size();
  request.body_size = asked.body_size;
  request.head = sign(asked) + "\r\n";
}

bool LoadRequests::go_on(LoadScript& script, const LoadResponse& response, LoadRequest& request) {
  if (options_.operation == Operation::make_bucket && response.status == 409) return false;
  check(script, response);
  if (options_.operation != Operation::multipart) return false;
  if (script.step == 0) {
    script.upload_id = between(response.body, "<UploadId>", "</UploadId>");
    if (script.upload_id.empty()) throw std::runtime_error("an upload began without an id");
  } else if (script.step <= options_.parts) {
    script.etags.emplace_back(etag_of(response.head));
  } else {
    // An error may come behind a status of 200.
    if (!response.body.contains("<CompleteMultipartUploadResult"))
      throw std::runtime_error("an upload did not complete");
    return false;
  }
  ++script.step;
  set_up(script, request);
  return true;
}

void LoadRequests::check(const LoadScript& script, const LoadResponse& response) const {
  if (response.status >= 300) {
    throw std::runtime_error("status " + std::to_string(response.status) + " " + std::string(response.body));
  }
  if (script.checks_length && response.length != script.length_expected) {
    throw std::runtime_error("a body of " + std::to_string(response.length) + " bytes instead of " +
                             std::to_string(script.length_expected));
  }
  if (options_.operation == Operation::list) check_page(response.body);
}

void LoadRequests::check_page(std::string_view page) const {
  const std::size_t there =
      options_.delimiter ? (options_.objects + kFolderSize - 1) / kFolderSize : options_.objects - 1;
  const std::string count = "<KeyCount>" + std::to_string(std::min(there, kPageSize)) + "</KeyCount>";
  if (!page.ends_with("</ListBucketResult>") || !page.contains(count)) {
    throw std::runtime_error("a page that is not whole: " + std::string(page.substr(0, 1000)));
  }
}

}  // namespace sluice::bench
