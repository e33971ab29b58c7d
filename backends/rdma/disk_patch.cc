// Blocks of a run that are wrong on a disk, and right elsewhere.
#include <cstring>

#include "backends/rdma/disk.h"
#include "backends/rdma/disk_io.h"
#include "gateway/core/digest.h"

namespace sluice::rdma {

// Nobody drops the extent or moves the run while it is written to: its place stays its own.
Task<bool> Disk::patch(ExtentNumber extent, Run run, Chunk bytes) {
  const ExtentEntry* entry = table_.find(extent);
  const bool has = entry != nullptr && entry->sealed && entry->holds() && entry->is_needed(run.page);
  if (!has || bytes.size() < run.length) co_return fail(ErrorCode::corrupt, "no such run");
  if (is_busy(extent)) co_return fail(ErrorCode::busy, "it is on its way elsewhere");
  moving_.insert(extent);
  auto outcome = co_await patch_now(extent, run, std::move(bytes));
  moving_.erase(extent);
  punched_.finish(done);
  co_return outcome;
}

Task<bool> Disk::patch_now(ExtentNumber extent, Run run, Chunk bytes) {
  CO_TRY(auto header, co_await this->header(extent, run.page));
  if (header.run != run) co_return fail(ErrorCode::corrupt, "another run");
  const auto from = where(extent, run.page);
  Chunk image = aligned_memory(bytes_of(pages_of(run)));
  CO_TRY(co_await read_fully(file_, image, *from));
  bool is_better = false, is_whole = true;
  for (std::size_t n = 0; n < header.blocks.size(); ++n) {
    const std::size_t at = n * kBlockSize, size = std::min<std::size_t>(kBlockSize, run.length - at);
    if (crc32c(image.text().substr(kPageSize + at, size)) == header.blocks[n]) continue;
    if (crc32c(bytes.text().substr(at, size)) != header.blocks[n]) {
      is_whole = false;
      continue;
    }
    std::memcpy(image.writable().data() + kPageSize + at, bytes.text().data() + at, size);
    is_better = true;
  }
  if (!is_better && !(is_whole && header.lacking)) co_return is_whole;
  header.lacking = header.lacking && !is_whole;
  const std::string page = encode_page(header);
  std::memcpy(image.writable().data(), page.data(), page.size());
  CO_TRY(co_await write_fully(file_, std::move(image), *from));
  CO_TRY(co_await flush_.flush());
  co_return is_whole;
}

}  // namespace sluice::rdma
