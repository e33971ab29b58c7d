#include "backends/local/reconcile.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

namespace sluice::local {

namespace {

bool header_is_right(int fd, SegmentNumber number) {
  std::string page(kPageSize, '\0');
  return ::pread(fd, page.data(), page.size(), 0) == static_cast<ssize_t>(page.size()) &&
         is_segment_header(number, page);
}

/// The parts of the file behind its header that are not holes.
Result<std::vector<Span>> allocated_in(int fd) {
  std::vector<Span> spans;
  for (off_t at = kPageSize;;) {
    const off_t begin = ::lseek(fd, at, SEEK_DATA);
    if (begin < 0 && errno == ENXIO) return spans;
    if (begin < 0) return std::unexpected(error_of(errno, "reconcile"));
    at = ::lseek(fd, begin, SEEK_HOLE);
    if (at < 0) return std::unexpected(error_of(errno, "reconcile"));
    spans.push_back({static_cast<std::uint64_t>(begin), static_cast<std::uint64_t>(at)});
  }
}

/// The bytes of `orphans`, punched out if `give_back`. For a background thread.
Result<std::uint64_t> orphans_in(int fd, const std::vector<Span>& live, bool give_back) {
  TRY(const auto allocated, allocated_in(fd));
  std::uint64_t size = 0;
  for (const Span& orphan : subtract(allocated, live)) {
    size += orphan.end - orphan.begin;
    if (!give_back) continue;
    const auto begin = static_cast<off_t>(orphan.begin);
    const auto length = static_cast<off_t>(orphan.end - orphan.begin);
    if (::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, begin, length) != 0) {
      return std::unexpected(error_of(errno, "reconcile"));
    }
  }
  return size;
}

}  // namespace

std::vector<Span> subtract(const std::vector<Span>& allocated, const std::vector<Span>& live) {
  std::vector<Span> rest;
  auto alive = live.begin();
  for (Span span : allocated) {
    while (alive != live.end() && alive->end <= span.begin) ++alive;
    for (auto cover = alive; cover != live.end() && cover->begin < span.end; ++cover) {
      if (cover->begin > span.begin) rest.push_back({span.begin, cover->begin});
      span.begin = std::max(span.begin, std::min(cover->end, span.end));
    }
    if (span.begin < span.end) rest.push_back(span);
  }
  return rest;
}

Task<Reconciled> Reconciliation::run(LiveExtents& live) {
  CO_TRY(co_await next(live));
  for (const SegmentNumber number : services_.segments->earlier()) {
    CO_TRY(auto spans, co_await live_in(number, live));
    CO_TRY(co_await compare(number, std::move(spans)));
  }
  // What is left is of this run, or in a segment that is missing.
  while (next_) {
    CO_TRY(co_await next(live));
  }
  co_return found_;
}

Task<> Reconciliation::next(LiveExtents& live) {
  CO_TRY(const auto extent, co_await live.next());
  if (extent) {
    if (next_ && extent->id <= next_->id)
      co_return fail(ErrorCode::internal, "reconcile: live extents are out of order");
    ++found_.live_count;
    found_.live_bytes += extent->length;
  }
  next_ = extent;
  co_return done;
}

Task<std::vector<Span>> Reconciliation::live_in(SegmentNumber number, LiveExtents& live) {
  std::vector<Span> spans;
  while (next_ && place_of(next_->id).segment <= number) {
    const Place place = place_of(next_->id);
    const Span span{place.offset, place.offset + stored_size(next_->length)};
    if (place.segment < number) {
      services_.log.error("segment_missing", {{"detail", std::string_view(describe(place))}});
    } else if (!spans.empty() && spans.back().end >= span.begin) {
      spans.back().end = std::max(spans.back().end, span.end);
    } else {
      spans.push_back(span);
    }
    CO_TRY(co_await next(live));
  }
  co_return spans;
}

Task<> Reconciliation::compare(SegmentNumber number, std::vector<Span> live) {
  const auto file = services_.segments->file(number);
  // Its last extent may have been released meanwhile.
  if (!file && file.error().code == ErrorCode::no_such_object) co_return done;
  if (!file) co_return std::unexpected(file.error());

  auto& background = services_.segments->background();
  CO_TRY(const auto size, co_await done_on<Result<std::uint64_t>>(
                              background,
                              [file = *file, number, live = std::move(live), give_back = give_back_,
                               &log = services_.log]() -> Result<std::uint64_t> {
                                const bool right = header_is_right(file->fd(), number);
                                if (!right) log.error("segment_header_wrong", {{"segment", std::uint64_t{number}}});
                                return orphans_in(file->fd(), live, give_back && right);
                              }));
  found_.orphan_bytes += size;
  if (give_back_) services_.segments->remove_if_empty(number);
  co_return done;
}

}  // namespace sluice::local
