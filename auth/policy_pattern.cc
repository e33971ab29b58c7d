#include "auth/policy_pattern.h"

#include <algorithm>

#include "gateway/core/encoding.h"

namespace sluice::auth {
namespace {

constexpr char16_t kOne = 0x100;
constexpr char16_t kMany = 0x101;
constexpr char16_t kVariable = 0x200;  ///< And above, by number.
constexpr std::size_t kVariablesMax = 1000;

// What the S3 room tells of a request (s3/access.cc).
constexpr std::string_view kKeys[] = {
    "aws:currenttime",
    "aws:epochtime",
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principaltype",
    "aws:referer",
    "aws:securetransport",
    "aws:sourceip",
    "aws:useragent",
    "aws:userid",
    "aws:username",
    "s3:authtype",
    "s3:delimiter",
    "s3:if-match",
    "s3:if-none-match",
    "s3:max-keys",
    "s3:prefix",
    "s3:requestobjecttagkeys",
    "s3:signatureversion",
    "s3:versionid",
    "s3:x-amz-acl",
    "s3:x-amz-content-sha256",
    "s3:x-amz-copy-source",
    "s3:x-amz-grant-full-control",
    "s3:x-amz-grant-read",
    "s3:x-amz-grant-read-acp",
    "s3:x-amz-grant-write",
    "s3:x-amz-grant-write-acp",
    "s3:x-amz-metadata-directive",
    "s3:x-amz-object-ownership",
    "s3:x-amz-server-side-encryption",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "s3:x-amz-server-side-encryption-customer-algorithm",
    "s3:x-amz-storage-class",
    "s3:x-amz-website-redirect-location",
};
constexpr std::string_view kTagKeys[] = {"s3:existingobjecttag", "s3:requestobjecttag"};

char16_t byte_of(char c) { return static_cast<unsigned char>(c); }

char16_t lower(char16_t c) { return c >= 'A' && c <= 'Z' ? static_cast<char16_t>(c + ('a' - 'A')) : c; }

/// The usual walk with one point to come back to: a longer `*` is tried only behind the last one.
bool match(std::u16string_view pattern, std::string_view subject, bool ignore_case) {
  std::size_t p = 0;
  std::size_t s = 0;
  std::size_t star = pattern.npos;
  std::size_t star_subject = 0;
  while (s < subject.size()) {
    char16_t c = byte_of(subject[s]);
    if (ignore_case) c = lower(c);
    if (p < pattern.size() && (pattern[p] == kOne || pattern[p] == c)) {
      ++p;
      ++s;
    } else if (p < pattern.size() && pattern[p] == kMany) {
      star = p++;
      star_subject = s;
    } else if (star != pattern.npos) {
      p = star + 1;
      s = ++star_subject;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == kMany) ++p;
  return p == pattern.size();
}

}  // namespace

std::optional<std::string> condition_key(std::string_view name) {
  const auto slash = name.find('/');
  std::string key = to_lower(name.substr(0, slash));
  if (slash == name.npos) return std::ranges::count(kKeys, key) != 0 ? std::optional(std::move(key)) : std::nullopt;
  if (std::ranges::count(kTagKeys, key) == 0 || slash + 1 == name.size()) return std::nullopt;
  return key.append(name.substr(slash));
}

std::optional<Pattern> Pattern::parse(std::string_view text, PatternSyntax syntax) {
  Pattern pattern;
  pattern.ignore_case_ = syntax.ignore_case;
  while (!text.empty()) {
    const char c = text.front();
    if (syntax.variables && text.starts_with("${")) {
      const auto end = text.find('}');
      if (end == text.npos) return std::nullopt;
      const std::string_view name = text.substr(2, end - 2);
      text.remove_prefix(end + 1);
      if (name == "*" || name == "?" || name == "$") {
        pattern.tokens_ += byte_of(name.front());
        continue;
      }
      auto key = condition_key(name);
      if (!key || pattern.variables_.size() == kVariablesMax) return std::nullopt;
      pattern.tokens_ += static_cast<char16_t>(kVariable + pattern.variables_.size());
      pattern.variables_.push_back(*std::move(key));
      pattern.fixed_ = false;
      continue;
    }
    text.remove_prefix(1);
    const bool wild = syntax.wildcards && (c == '*' || c == '?');
    if (wild) pattern.fixed_ = false;
    const char16_t literal = syntax.ignore_case ? lower(byte_of(c)) : byte_of(c);
    pattern.tokens_ += !wild ? literal : c == '*' ? kMany : kOne;
  }
  return pattern;
}

bool Pattern::matches(std::string_view subject, Facts facts) const {
  if (variables_.empty()) return match(tokens_, subject, ignore_case_);
  std::u16string expanded;
  for (const char16_t token : tokens_) {
    if (token < kVariable) {
      expanded += token;
      continue;
    }
    const std::string& key = variables_[token - kVariable];
    if (std::ranges::count(facts, key, &Fact::key) != 1) return false;
    for (const char c : std::ranges::find(facts, key, &Fact::key)->value) {
      expanded += ignore_case_ ? lower(byte_of(c)) : byte_of(c);
    }
  }
  return match(expanded, subject, ignore_case_);
}

}  // namespace sluice::auth
