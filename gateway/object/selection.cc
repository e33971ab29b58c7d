#include "gateway/object/selection.h"

#include <algorithm>

#include "gateway/object/manifest.h"

namespace sluice::object {
namespace {

std::unexpected<Error> no_such_part(std::uint32_t number) {
  return fail(ErrorCode::invalid_part_number, std::to_string(number));
}

PartInfo whole(const ObjectInfo& info) {
  PartInfo part{.number = 1, .size = info.size, .md5 = info.md5, .modified = info.modified, .checksum = {}};
  if (info.checksum && info.checksum->type == ChecksumType::full_object) part.checksum = info.checksum->digest;
  return part;
}

Task<bool> select_part(Index& index, const Manifest& manifest, std::uint32_t number, Selection& selection) {
  const auto row = row_of_number(manifest, number);
  if (row == manifest.rows.size()) co_return no_such_part(number);
  CO_TRY(const auto parts, co_await read_row(index, manifest, row));
  if (!parts) co_return false;
  auto offset = begin_of(manifest, row);
  for (const auto& part : *parts) {
    if (part.info.number == number) {
      selection.part = part.info;
      selection.range = {offset, part.info.size};
      co_return true;
    }
    offset += part.info.size;
  }
  co_return no_such_part(number);
}

}  // namespace

Result<ByteRange> resolve(const RangeRequest& range, std::uint64_t size) {
  const auto unsatisfiable = [&] { return fail(ErrorCode::range_not_satisfiable, std::to_string(size)); };
  if (!range.first) {
    // A suffix longer than the object means all of it.
    const auto length = std::min(range.last.value_or(0), size);
    if (length == 0) return unsatisfiable();
    return ByteRange{size - length, length};
  }
  if (*range.first >= size) return unsatisfiable();
  const auto last = std::min(range.last.value_or(size - 1), size - 1);
  if (last < *range.first) return unsatisfiable();
  return ByteRange{*range.first, last - *range.first + 1};
}

Task<std::optional<Done>> select(Index& index, ObjectRecord& record, const OpenOptions& options, Selection& selection) {
  if (options.admit) {
    CO_TRY(options.admit(record.info));
  }
  if (!options.key_waived) {
    CO_TRY(check_customer_key(record.info.encryption, options.customer_key));
  }
  CO_TRY(check_read(options.conditions, record.info));
  selection.info = std::move(record.info);
  selection.range = {0, selection.info.size};
  selection.partial = false;
  selection.part.reset();
  if (options.range) {
    CO_TRY(selection.range, resolve(*options.range, selection.info.size));
    selection.partial = true;
  }
  if (!options.part_number) co_return Done{};
  selection.partial = true;
  if (const auto* manifest = std::get_if<Manifest>(&record.content)) {
    CO_TRY(const bool there, co_await select_part(index, *manifest, *options.part_number, selection));
    if (!there) co_return std::optional<Done>{};
    co_return Done{};
  }
  if (*options.part_number != 1) co_return no_such_part(*options.part_number);
  selection.part = whole(selection.info);
  co_return Done{};
}

}  // namespace sluice::object
