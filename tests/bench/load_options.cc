#include "tests/bench/load_options.h"

#include <cstdlib>
#include <functional>
#include <map>
#include <stdexcept>
#include <string_view>

namespace sluice::bench {
namespace {

const std::map<std::string_view, Operation> kOperations = {{"get", Operation::get},
                                                           {"put", Operation::put},
                                                           {"head", Operation::head},
                                                           {"delete", Operation::del},
                                                           {"mixed", Operation::mixed},
                                                           {"list", Operation::list},
                                                           {"multipart", Operation::multipart},
                                                           {"make-bucket", Operation::make_bucket}};

template <class Word>
Word word_of(const std::map<std::string_view, Word>& words, const std::string& value) {
  const auto found = words.find(value);
  if (found == words.end()) throw std::invalid_argument("what is " + value + "?");
  return found->second;
}

}  // namespace

LoadOptions parse_options(int argc, char** argv) {
  LoadOptions options;
  if (const char* region = std::getenv("AWS_REGION"); region != nullptr) options.region = region;
  const std::map<std::string_view, bool*> switches = {
      {"--plain", &options.plain},           {"--tls", &options.tls},
      {"--sequential", &options.sequential}, {"--folders", &options.folders},
      {"--delimiter", &options.delimiter},   {"--last-page", &options.last_page}};
  const std::map<std::string_view, std::size_t*> numbers = {{"--size", &options.size},
                                                            {"--objects", &options.objects},
                                                            {"--count", &options.count},
                                                            {"--range", &options.range},
                                                            {"--connections", &options.connections},
                                                            {"--parts", &options.parts},
                                                            {"--first", &options.first},
                                                            {"--rate", &options.rate}};
  const std::map<std::string_view, std::function<void(const std::string&)>> others = {
      {"--host", [&](const std::string& value) { options.host = value; }},
      {"--port", [&](const std::string& value) { options.port = static_cast<std::uint16_t>(std::stoul(value)); }},
      {"--bucket", [&](const std::string& value) { options.bucket = value; }},
      {"--op", [&](const std::string& value) { options.operation = word_of(kOperations, value); }},
      {"--protocol",
       [&](const std::string& value) {
         options.protocol = word_of<Protocol>({{"s3", Protocol::s3}, {"blob", Protocol::blob}}, value);
       }},
      {"--payload",
       [&](const std::string& value) {
         options.signs_payload = word_of<bool>({{"signed", true}, {"unsigned", false}}, value);
       }},
      {"--seconds", [&](const std::string& value) { options.seconds = std::stod(value); }}};
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    if (const auto found = switches.find(flag); found != switches.end()) {
      *found->second = true;
      continue;
    }
    if (i + 1 == argc) throw std::invalid_argument(flag + " needs a value");
    const std::string value = argv[++i];
    if (const auto number = numbers.find(flag); number != numbers.end()) {
      *number->second = std::stoul(value);
    } else if (const auto other = others.find(flag); other != others.end()) {
      other->second(value);
    } else {
      throw std::invalid_argument("unknown flag " + flag);
    }
  }
  const bool by_s3_alone = options.operation == Operation::list || options.operation == Operation::multipart;
  if (options.protocol == Protocol::blob && by_s3_alone) throw std::invalid_argument("of S3 alone");
  return options;
}

}  // namespace sluice::bench
