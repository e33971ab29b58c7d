#include "tests/support/object_world.h"

#include <boost/asio/co_spawn.hpp>
#include <stdexcept>

#include "tests/support/run_task.h"

namespace sluice::test {
namespace {

constexpr UtcTime kStart{std::chrono::milliseconds(1'767'225'600'250)};  // 2026-01-01, and a quarter second.

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error("unexpected: " + result.error().detail);
  return std::move(*result);
}

}  // namespace

World::World(std::uint64_t extent_length_max, std::size_t inline_size_max)
    : extents(extent_length_max),
      faulty(Backend{index, extents, inline_size_max}),
      clock(kStart),
      reclaimer(faulty.backend(), log, clock),
      buckets(faulty.backend(), clock),
      objects(faulty.backend(), reclaimer, clock, keys),
      uploads(faulty.backend(), reclaimer, clock, keys),
      leases(faulty.backend(), clock),
      appends(faulty.backend(), reclaimer, clock, keys),
      pages(faulty.backend(), reclaimer, clock, keys) {
  keys.add("first", SecretKey::random());
  must(run(buckets.create(context, "photos", "alice")));
}

Task<object::ObjectInfo> World::start_put(std::string key, std::string text, object::PutOptions options,
                                          std::string bucket) {
  StringSource source(std::move(text));
  DigestSource body(source);
  const object::ObjectName name{std::move(bucket), std::move(key)};
  co_return co_await objects.put(context, name, options, body);
}

Task<std::string> World::start_get(std::string key, object::OpenOptions options) {
  const object::ObjectName name{"photos", std::move(key)};
  CO_TRY(auto opened, co_await objects.open(context, name, options));
  std::string text(opened.content.text());
  if (opened.body) {
    CO_TRY(const auto rest, co_await read_all(*opened.body, 1 << 24));
    text += rest;
  }
  co_return text;
}

Task<> World::start_remove(std::string key, object::Conditions conditions) {
  CO_TRY(co_await start_removal({.key = std::move(key), .conditions = std::move(conditions)}));
  co_return done;
}

Task<object::Removal> World::start_removal(object::RemoveRequest request) {
  std::vector<object::RemoveRequest> requests;
  requests.push_back(std::move(request));
  const std::string bucket = "photos";
  CO_TRY(const auto results, co_await objects.remove(context, bucket, requests));
  co_return results.at(0);
}

Task<object::ObjectInfo> World::start_snapshot(std::string key) {
  const object::ObjectName name{"photos", std::move(key)};
  co_return co_await objects.snapshot(context, name, {});
}

Task<object::ObjectInfo> World::start_copy(std::string from, std::string to, object::CopyOptions options) {
  const object::ObjectName source{"photos", std::move(from)};
  const object::ObjectName target{"photos", std::move(to)};
  co_return co_await objects.copy(context, source, target, options);
}

Task<object::PartInfo> World::start_stage(std::string key, std::string upload_id, std::uint32_t number,
                                          std::string text, std::optional<SecretKey> customer_key) {
  StringSource source(std::move(text));
  DigestSource body(source);
  const object::ObjectName name{"photos", std::move(key)};
  co_return co_await uploads.stage(context, name, upload_id, number, {}, body, customer_key);
}

Task<object::ObjectInfo> World::start_commit(std::string key, std::string upload_id, std::vector<std::uint32_t> numbers,
                                             object::Conditions conditions) {
  object::CommitOptions options;
  options.part_size_min = 0;
  options.conditions = std::move(conditions);
  for (const auto number : numbers) options.parts.push_back({number, {}, {}});
  const object::ObjectName name{"photos", std::move(key)};
  co_return co_await uploads.commit(context, name, upload_id, options);
}

Task<object::AppendAnswer> World::start_append(std::string key, std::string text, object::AppendOptions options) {
  StringSource source(std::move(text));
  DigestSource body(source);
  const object::ObjectName name{"photos", std::move(key)};
  co_return co_await appends.append(context, name, options, body);
}

Task<> World::start_abandon(std::string key, std::string upload_id) {
  const object::ObjectName name{"photos", std::move(key)};
  co_return co_await uploads.abandon(context, name, upload_id);
}

Task<> World::start_remove_bucket(std::string bucket) { co_return co_await buckets.remove(context, bucket); }

Result<object::ObjectInfo> World::put(std::string key, std::string text, object::PutOptions options) {
  return run(start_put(std::move(key), std::move(text), std::move(options)));
}

Result<std::string> World::get(std::string key, object::OpenOptions options) {
  return run(start_get(std::move(key), std::move(options)));
}

Result<> World::remove(std::string key, object::Conditions conditions) {
  return run(start_remove(std::move(key), std::move(conditions)));
}

Result<object::Removal> World::remove_version(std::string key, object::VersionId version) {
  return run(start_removal({.key = std::move(key), .which = {.version = version}}));
}

void World::set_versioning(object::Versioning versioning) {
  must(run(buckets.change(context, "photos", [&](object::BucketSettings& settings) -> Result<> {
    settings.versioning = versioning;
    return done;
  })));
}

std::vector<object::VersionEntry> World::versions(object::VersionListOptions options) {
  return must(run(object::list_versions(faulty.backend(), context, "photos", options))).entries;
}

Result<object::ObjectInfo> World::copy(std::string from, std::string to, object::CopyOptions options) {
  return run(start_copy(std::move(from), std::move(to), std::move(options)));
}

std::string World::begin(std::string key, object::UploadOptions options) {
  const object::ObjectName name{"photos", std::move(key)};
  return must(run(uploads.begin(context, name, options))).id;
}

Result<object::PartInfo> World::stage(std::string key, std::string upload_id, std::uint32_t number, std::string text,
                                      std::optional<SecretKey> customer_key) {
  return run(start_stage(std::move(key), std::move(upload_id), number, std::move(text), customer_key));
}

Result<object::ObjectInfo> World::commit(std::string key, std::string upload_id, std::vector<std::uint32_t> numbers,
                                         object::Conditions conditions) {
  return run(start_commit(std::move(key), std::move(upload_id), std::move(numbers), std::move(conditions)));
}

Result<object::ObjectInfo> World::create_append(std::string key, object::PutOptions options) {
  const object::ObjectName name{"photos", std::move(key)};
  return run(appends.create(context, name, options));
}

Result<object::AppendAnswer> World::append(std::string key, std::string text, object::AppendOptions options) {
  return run(start_append(std::move(key), std::move(text), std::move(options)));
}

Result<> World::abandon(std::string key, std::string upload_id) {
  return run(start_abandon(std::move(key), std::move(upload_id)));
}

Result<object::ListPage> World::list(object::ListOptions options) {
  return run(object::list_objects(faulty.backend(), context, "photos", options));
}

void World::put_parts(std::string key, std::uint32_t count) {
  const auto upload_id = begin(key);
  std::vector<std::uint32_t> numbers;
  for (std::uint32_t number = 1; number <= count; ++number) {
    must(stage(key, upload_id, number, "part " + std::to_string(number) + ";"));
    numbers.push_back(number);
  }
  must(commit(key, upload_id, numbers));
}

void World::reclaim() {
  clock.set(clock.now() + std::chrono::hours(1));
  while (must(run(reclaimer.run_once())) != 0) {
  }
}

std::pair<object::FsckReport, std::vector<std::string>> World::check(bool repair) {
  std::vector<std::string> found;
  extents.restart();
  const object::FsckOptions options{.read_bytes = true, .repair = repair};
  const auto tell = [&](const std::string& fault) { found.push_back(fault); };
  const auto report = must(run(object::fsck(faulty.backend(), options, tell, {})));
  return {report, found};
}

std::string World::leftovers() {
  reclaim();
  auto [report, found] = check();
  std::string all;
  for (const auto& fault : found) all += fault + "\n";
  if (report.faults != 0) all += "faults: " + std::to_string(report.faults) + "\n";
  if (report.garbage_rows != 0) all += "garbage rows: " + std::to_string(report.garbage_rows) + "\n";
  if (report.orphan_rows != 0) all += "orphan rows: " + std::to_string(report.orphan_rows) + "\n";
  if (report.orphan_bytes != 0) all += "orphan bytes: " + std::to_string(report.orphan_bytes) + "\n";
  if (extents.extent_count() != report.extents) all += "extents that have no row\n";
  return all;
}

std::size_t World::row_count(std::string_view letters) const {
  std::size_t count = 0;
  for (const auto& [key, value] : index.rows()) count += key.starts_with(letters) ? 1 : 0;
  return count;
}

std::string parts_text(std::uint32_t count) {
  std::string text;
  for (std::uint32_t number = 1; number <= count; ++number) text += "part " + std::to_string(number) + ";";
  return text;
}

void run_together(std::vector<std::function<Awaitable<>()>> tasks) {
  boost::asio::io_context io(1);
  std::exception_ptr thrown;
  for (auto& task : tasks) {
    boost::asio::co_spawn(io, task(), [&](std::exception_ptr error) {
      if (error) thrown = error;
    });
  }
  io.run();
  if (thrown) std::rethrow_exception(thrown);
}

}  // namespace sluice::test
