#include "auth/policy.h"
#include "gateway/core/encoding.h"
#include "gateway/s3/handler.h"
#include "gateway/s3/headers.h"
#include "gateway/s3/write_body.h"
#include "gateway/s3/xml.h"

namespace sluice::s3 {
namespace {

constexpr std::uint64_t kDocumentMax = 1 << 20;
constexpr std::size_t kBucketPage = 1000;
constexpr std::uint64_t kMaxBucketsMax = 10000;
constexpr std::string_view kFirstRegion = "us-east-1";  // Whose location constraint is none.

/// The location a CreateBucketConfiguration asks for; empty without one.
Outcome<std::string> location_constraint(std::string_view text) {
  if (text.empty()) return std::string();
  TRY(const XmlDocument document, XmlDocument::parse(text, "CreateBucketConfiguration"));
  std::string location;
  for (const XmlElement& element : document.root().children()) {
    if (element.name() != "LocationConstraint") {
      return refuse(Code::not_implemented,
                    "The element " + std::string(element.name()) + " of CreateBucketConfiguration is not supported.");
    }
    location = element.text();
  }
  return location;
}

Outcome<> check_location(const std::string& asked, const std::string& region) {
  if (asked.empty() || asked == region) return {};
  Failure failure = region == kFirstRegion
                        ? Failure(Code::invalid_location_constraint)
                        : Failure(Code::illegal_location_constraint, "The " + asked +
                                                                         " location constraint is incompatible for "
                                                                         "the region specific endpoint this request "
                                                                         "was sent to.");
  failure.elements.emplace_back("LocationConstraint", asked);
  return std::unexpected(std::move(failure));
}

Outcome<bool> asks_for_lock(const Fields& fields) {
  constexpr std::string_view kName = "x-amz-bucket-object-lock-enabled";
  const auto text = fields.find(kName);
  if (!text || equals_ignoring_case(*text, "false")) return false;
  if (equals_ignoring_case(*text, "true")) return true;
  return std::unexpected(Failure(Code::invalid_argument)
                             .with("ArgumentName", std::string(kName))
                             .with("ArgumentValue", std::string(*text)));
}

/// What a bucket is made with.
Outcome<object::BucketSettings> new_settings(const Fields& fields, const std::string& owner, const Accounts& accounts) {
  object::BucketSettings settings;
  auth::Acl acl = auth::private_acl(owner);
  if (declares_acl(fields)) {
    TRY(acl, read_acl(fields, {owner, owner}, accounts));
  }
  settings.acl = to_store(acl, owner);
  TRY(settings.object_lock.enabled, asks_for_lock(fields));
  if (settings.object_lock.enabled) settings.versioning = object::Versioning::enabled;
  const auto ownership = fields.find("x-amz-object-ownership");
  if (!ownership) return settings;
  const auto parsed = auth::parse_ownership(*ownership);
  if (!parsed) {
    return std::unexpected(Failure(Code::invalid_argument)
                               .with("ArgumentName", "x-amz-object-ownership")
                               .with("ArgumentValue", std::string(*ownership)));
  }
  settings.ownership = *ownership;
  const bool clashes = *parsed == auth::Ownership::owner_enforced && !settings.acl.empty();
  if (clashes) return refuse(Code::acl_with_ownership);
  return settings;
}

struct BucketsPage {
  std::string prefix;
  std::string after;
  std::size_t limit = 0;  ///< 0: all of them.
};

Outcome<BucketsPage> read_buckets_page(const http::Query& query) {
  BucketsPage page;
  page.prefix = query.get("prefix");
  if (const auto text = query.value("max-buckets"); text && !text->empty()) {
    const auto number = parse_decimal(*text);
    if (!number || *number < 1 || *number > kMaxBucketsMax) {
      return refuse(Code::invalid_argument, "Argument max-buckets must be an integer between 1 and 10000");
    }
    page.limit = static_cast<std::size_t>(*number);
  }
  const auto token = from_base64(query.get("continuation-token"));
  if (!token) return refuse(Code::invalid_argument, "The continuation token provided is incorrect");
  page.after = *token;
  return page;
}

}  // namespace

Awaitable<Answer> Handler::not_implemented(Call& call) {
  co_return s3::refuse(Code::not_implemented, std::string(call.row->name) + " is not supported.");
}

Answer Handler::probe(const Call& call) const {
  const std::string_view text = call.row->document;
  if (!text.starts_with('<')) return s3::refuse(call.row->refusal, std::string(text));
  const auto name_end = text.find_first_of("/>");
  XmlWriter xml;
  xml.open_root(text.substr(1, name_end - 1));
  xml.close();
  std::string whole = xml.take();
  if (text[name_end] == '/') return document(call, std::move(whole));
  // The root comes with its namespace from the writer, what is in it from the table.
  whole.resize(whole.rfind("</"));
  whole.append(text.substr(name_end + 1));
  return document(call, std::move(whole));
}

Awaitable<Answer> Handler::bucket_probe(Call& call) {
  CO_TRY(co_await bucket_of(call));
  co_return probe(call);
}

Awaitable<Answer> Handler::list_buckets(Call& call) {
  CO_TRY(const BucketsPage page, read_buckets_page(call.target.query));
  const std::string account = call.account();
  const auto region = call.target.query.value("bucket-region");
  const bool elsewhere = region && !region->empty() && *region != options_.region;

  XmlWriter xml;
  xml.open_root("ListAllMyBucketsResult");
  xml.open("Owner");
  xml.element("ID", account);
  xml.element("DisplayName", display_name(account));
  xml.close();
  xml.open("Buckets");
  std::string after = page.after;
  std::size_t left = page.limit;
  bool more = !elsewhere;
  while (more && (page.limit == 0 || left != 0)) {
    const std::size_t limit = page.limit == 0 ? kBucketPage : std::min(left, kBucketPage);
    CO_TRY(const object::BucketPage found,
           co_await services_.buckets.list(call.context, account, page.prefix, after, limit));
    std::size_t shown = 0;
    for (const object::BucketInfo& bucket : found.buckets) {
      const auth::Resource resource{.bucket = bucket.name, .key = {}};
      if (!auth::authorize(call.signature.identity, auth::Action::read_bucket, resource, bucket.owner)) continue;
      ++shown;
      xml.open("Bucket");
      xml.element("Name", bucket.name);
      xml.element("CreationDate", iso_time(bucket.created));
      xml.element("BucketRegion", options_.region);
      xml.close();
    }
    left -= std::min(left, shown);
    after = found.next;
    more = !after.empty();
  }
  xml.close();
  if (more) xml.element("ContinuationToken", to_base64(after));
  if (call.target.query.has("prefix")) xml.element("Prefix", page.prefix);
  xml.close();
  co_return document(call, xml.take());
}

Awaitable<Answer> Handler::create_bucket(Call& call) {
  CO_TRY(const std::string text, co_await read_document(call, {.size_max = kDocumentMax}));
  CO_TRY(const std::string location, location_constraint(text));
  CO_TRY(check_location(location, options_.region));
  const std::string account = call.account();
  CO_TRY(const object::BucketSettings settings, new_settings(*call.fields, account, options_.display_names));
  const auto created = co_await services_.buckets.create(call.context, call.target.bucket, account, settings);
  // The first region has always answered its owner's second creation with success.
  const bool again = !created && created.error().code == ErrorCode::bucket_already_owned;
  if (!created && !(again && options_.region == kFirstRegion)) co_return std::unexpected(created.error());
  if (again) {
    // But not one that asks for something else than there is: it changes nothing.
    CO_TRY(const object::BucketInfo bucket, co_await bucket_of(call));
    const bool same = bucket.settings.acl == settings.acl && bucket.settings.ownership == settings.ownership &&
                      bucket.settings.object_lock.enabled == settings.object_lock.enabled;
    if (!same) co_return s3::refuse(Code::bucket_already_exists);
  }
  http::Response response{.header = begin(call), .content = {}, .body = nullptr, .content_length = 0};
  response.header.add("Location", "/" + call.target.bucket);
  co_return response;
}

Awaitable<Answer> Handler::head_bucket(Call& call) {
  CO_TRY(co_await bucket_of(call));
  http::Response response{.header = begin(call), .content = {}, .body = nullptr, .content_length = 0};
  response.header.add("x-amz-access-point-alias", "false");
  response.header.add("Content-Type", "application/xml");
  co_return response;
}

Awaitable<Answer> Handler::delete_bucket(Call& call) {
  CO_TRY(co_await services_.buckets.remove(call.context, call.target.bucket));
  co_return http::Response{.header = begin(call, 204), .content = {}, .body = nullptr, .content_length = {}};
}

Awaitable<Answer> Handler::get_bucket_location(Call& call) {
  CO_TRY(co_await bucket_of(call));
  XmlWriter xml;
  xml.open_root("LocationConstraint");
  if (options_.region != kFirstRegion) xml.characters(options_.region);
  xml.close();
  co_return document(call, xml.take());
}

}  // namespace sluice::s3
