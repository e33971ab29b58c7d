#include "gateway/s3/handler.h"
#include "gateway/s3/headers.h"
#include "gateway/s3/tags.h"
#include "gateway/s3/write_body.h"

namespace sluice::s3 {
namespace {

constexpr std::uint64_t kDocumentMax = 1 << 20;

}  // namespace

Step<http::Response> Handler::change_tags(Call& call, const object::Tags& tags, unsigned status) {
  CO_TRY(const object::OpenOptions options, read_options(call));
  const object::ObjectName name = call.name();
  const object::Objects::Edit edit = [&](object::ObjectInfo& info) -> Result<> {
    if (options.admit) {
      TRY(options.admit(info));
    }
    info.tags = tags;
    return done;
  };
  const object::ChangeOptions changing{.which = options.which};
  const auto changed = co_await services_.objects.change(call.context, name, changing, edit);
  if (!changed) co_return co_await refuse_read(call, changed.error());
  http::Response response = empty(call, status);
  add_version(response.header, call, *changed);
  co_return response;
}

Awaitable<Answer> Handler::get_object_tagging(Call& call) {
  CO_TRY(object::OpenOptions options, read_options(call));
  options.range.reset();
  options.part_number.reset();
  options.key_waived = true;
  const object::ObjectName name = call.name();
  const auto found = co_await services_.objects.stat(call.context, name, options);
  if (!found) co_return co_await refuse_read(call, found.error());
  http::Response response = document(call, tagging_document(found->info.tags));
  add_version(response.header, call, found->info);
  co_return response;
}

Awaitable<Answer> Handler::put_object_tagging(Call& call) {
  CO_TRY(const std::string text, co_await read_document(call, {.size_max = kDocumentMax}));
  CO_TRY(const object::Tags tags, read_tagging(text, kObjectTagsMax));
  co_return co_await change_tags(call, tags, 200);
}

Awaitable<Answer> Handler::delete_object_tagging(Call& call) { co_return co_await change_tags(call, {}, 204); }

Awaitable<Answer> Handler::get_bucket_tagging(Call& call) {
  CO_TRY(const object::BucketInfo bucket, co_await bucket_of(call));
  if (bucket.settings.tags.empty()) co_return s3::refuse(Code::no_such_tag_set);
  co_return document(call, tagging_document(bucket.settings.tags));
}

Awaitable<Answer> Handler::put_bucket_tagging(Call& call) {
  CO_TRY(const std::string text, co_await read_document(call, {.size_max = kDocumentMax}));
  CO_TRY(const object::Tags tags, read_tagging(text, kBucketTagsMax));
  CO_TRY(co_await change_settings(call, [&](object::BucketSettings& settings) -> Result<> {
    settings.tags = tags;
    return done;
  }));
  co_return empty(call, 204);  // As Amazon S3 answers it.
}

Awaitable<Answer> Handler::delete_bucket_tagging(Call& call) {
  CO_TRY(co_await change_settings(call, [](object::BucketSettings& settings) -> Result<> {
    settings.tags.clear();
    return done;
  }));
  co_return empty(call, 204);
}

}  // namespace sluice::s3
