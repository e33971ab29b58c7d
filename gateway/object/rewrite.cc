#include "gateway/object/rewrite.h"

#include "gateway/core/digest.h"
#include "gateway/object/ids.h"
#include "gateway/object/manifest.h"
#include "gateway/object/retry.h"

namespace sluice::object {
namespace {

class PartwiseRewrite {
 public:
  PartwiseRewrite(const Rewrite& what, const Manifest& from, const Building& building)
      : what_(what), from_(from), building_(building) {}

  // False: the source is gone.
  Task<bool> run() {
    auto begin = [this] { return mark(); };
    CO_TRY(co_await retry_conflicts(begin));
    for (std::size_t i = 0; i < from_.rows.size(); ++i) {
      CO_TRY(auto parts, co_await read_row(what_.backend.index, from_, i));
      if (!parts) co_return false;
      CO_TRY(co_await rewrite_row(i, *parts));
    }
    co_return true;
  }

  /// Of all parts.
  std::string md5() const { return digest_of(DigestAlgorithm::md5, md5s_).bytes; }

 private:
  Task<> mark() {
    const auto transaction = what_.backend.index.begin();
    Catalog(*transaction).put(manifest_garbage_key(building_.id()), building_.row(/*owned=*/true));
    co_return co_await transaction->commit();
  }

  Task<> rewrite_row(std::size_t i, std::vector<PartRecord>& parts) {
    ManifestRecord row;
    std::vector<StoredBody> bodies;
    for (auto& part : parts) {
      CO_TRY(bodies.emplace_back(), co_await rewrite_part(part));
      md5s_ += part.info.md5;
      row.parts.push_back(std::move(part));
    }
    auto attempt = [&] { return put_row(i, row, bodies); };
    CO_TRY(co_await retry_conflicts(attempt));
    for (auto& body : bodies) body.keep();
    co_return done;
  }

  Task<StoredBody> rewrite_part(PartRecord& part) {
    if (part.info.size == 0) co_return StoredBody{};
    const ByteRange all{0, part.info.size};
    CO_TRY(const auto plain, co_await open_part(what_.backend.extents, what_.reading, part, what_.decryption.key, all));
    DigestSource body(*plain);
    body.take(DigestAlgorithm::md5);
    ContentEncryption encryption(body, what_.key);
    CO_TRY(auto stored, co_await store_body(what_.backend, what_.reclaimer, encryption.source(), {}));
    part.slices = stored.slices();
    part.seal = encryption.seal(stored.size);
    part.info.md5 = shown_md5(what_.key, body.digest(DigestAlgorithm::md5)->bytes);
    co_return std::move(stored);
  }

  // The mark is put anew: what comes may take as long as what came before.
  Task<> put_row(std::size_t i, const ManifestRecord& row, const std::vector<StoredBody>& bodies) {
    const auto transaction = what_.backend.index.begin();
    Catalog rows(*transaction);
    References references;
    const auto mark_key = manifest_garbage_key(building_.id());
    CO_TRY(const auto marked, co_await rows.get<ManifestGarbage>(mark_key));
    if (!marked) co_return fail(ErrorCode::conflict, "another process cleared the copy away");
    rows.put(mark_key, building_.row(/*owned=*/true));
    for (const auto& body : bodies) {
      for (const auto& staged : body.extents) references.adopt(staged.extent());
    }
    rows.put(manifest_key(building_.id(), i), row);
    CO_TRY(co_await references.apply(rows));
    co_return co_await transaction->commit();
  }

  const Rewrite& what_;
  const Manifest& from_;
  const Building& building_;
  std::string md5s_;
};

Task<bool> rewrite_parts(const Rewrite& what, const Manifest& from, Rewritten& to) {
  to.building = std::make_unique<Building>(what.reclaimer, new_id(what.clock.now()));
  PartwiseRewrite parts(what, from, *to.building);
  CO_TRY(const bool there, co_await parts.run());
  to.record.content = Manifest{to.building->id(), from.rows};
  to.record.info.md5 = parts.md5();
  co_return there;
}

Task<bool> rewrite_whole(const Rewrite& what, Rewritten& to) {
  const ByteRange all{0, what.source.info.size};
  CO_TRY(auto opened, co_await open_content(what.backend, what.reading, what.source.content, what.decryption, all));
  if (!opened) co_return false;
  ChunkSource chunk(std::move(opened->content));
  DigestSource body(opened->body ? *opened->body : chunk);
  body.take(DigestAlgorithm::md5);
  ContentEncryption encryption(body, what.key);
  const StoreLimits limits{.inline_size_max = inline_size_max(what.backend)};
  CO_TRY(to.body, co_await store_body(what.backend, what.reclaimer, encryption.source(), limits));
  to.record.info.md5 = shown_md5(what.key, body.digest(DigestAlgorithm::md5)->bytes);
  to.record.seal = encryption.seal(to.body.size);
  if (const auto& bytes = to.body.inline_bytes; !bytes.empty()) {
    to.record.content = InlineContent{new_id(what.clock.now()), crc32c(bytes)};
  } else if (!to.body.extents.empty()) {
    to.record.content = to.body.slices();
  }
  co_return true;
}

}  // namespace

Task<std::optional<Rewritten>> rewrite(const Rewrite& what) {
  Rewritten to{.record = what.source, .body = {}, .building = {}};
  to.record.info.encryption = what.key ? std::optional(what.key->encryption) : std::nullopt;
  to.record.seal.reset();
  const auto* manifest = std::get_if<Manifest>(&what.source.content);
  bool there = false;
  if (manifest != nullptr) {
    CO_TRY(there, co_await rewrite_parts(what, *manifest, to));
  } else {
    CO_TRY(there, co_await rewrite_whole(what, to));
  }
  if (!there) co_return std::optional<Rewritten>{};
  co_return std::move(to);
}

Task<> name_rewritten(Catalog& rows, References& references, const Rewritten& rewritten) {
  for (const auto& staged : rewritten.body.extents) references.adopt(staged.extent());
  if (const auto* data = std::get_if<InlineContent>(&rewritten.record.content)) {
    rows.transaction().put(inline_key(data->id), rewritten.body.inline_bytes);
  }
  if (!rewritten.building) co_return done;
  const auto mark_key = manifest_garbage_key(rewritten.building->id());
  CO_TRY(const auto marked, co_await rows.get<ManifestGarbage>(mark_key));
  if (!marked) co_return fail(ErrorCode::conflict, "another process cleared the copy away");
  rows.erase(mark_key);
  co_return done;
}

}  // namespace sluice::object
