#include "backends/rdma/disk_format.h"

#include <catch2/catch.hpp>

#include "gateway/core/digest.h"
#include "gateway/core/encoding.h"

namespace sluice::rdma {
namespace {

Uuid uuid(std::uint8_t first) {
  Uuid made;
  for (std::size_t n = 0; n < made.bytes.size(); ++n) made.bytes[n] = static_cast<std::uint8_t>(first + n);
  return made;
}

Superblock superblock() { return {uuid(0x10), uuid(0x30), 0x01020304, 0x11121314, 0x21222324}; }

RunHeader header() {
  return {.incarnation = uuid(0x10),
          .extent = ExtentNumber{0x0102030405060708},
          .epoch = Epoch{0x1112131415161718},
          .run = {0x21222324, 0x00010001, 0x31323334},
          .blocks = {0x41424344, 0x51525354}};
}

LogPage log_page() {
  return {.kind = LogPage::Kind::changes,
          .generation = 0x0102030405060708,
          .sequence = 0x11121314,
          .incarnation = uuid(0x10),
          .records = {{Record::Kind::place, ExtentNumber{0x2122232425262728}, 7, 0},
                      {Record::Kind::seal, ExtentNumber{1}, 0x3132333435363738, 0x41424344}}};
}

// A page is what is told, and zero to its end.
void check_page(const std::string& page, const std::string& hex) {
  REQUIRE(page.size() == kPageSize);
  CHECK(to_hex(page.substr(0, hex.size() / 2)) == hex);
  CHECK(page.find_first_not_of('\0', hex.size() / 2) == std::string::npos);
}

LogPage compacted_page() {
  const ExtentNumber extent{0x2122232425262728};
  LogPage page = log_page();
  page.version = kCompactedVersion;
  page.records = {moved(extent, 0x31323334, {0x51525354, 0x41424344}),
                  {Record::Kind::forget, extent, 0x31323334, 0},
                  {Record::Kind::vacate, extent, 0, 0}};
  return page;
}

// Whether any page that differs in one bit is still taken for one.
template <class Decode>
bool takes_a_changed_page(const std::string& page, Decode decode) {
  for (std::size_t bit = 0; bit < 8 * page.size(); ++bit) {
    // All that is written, and a little of the zeros.
    if (bit > 8 * 256 && bit % 1009 != 0) continue;
    std::string changed = page;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
    if (decode(changed)) return true;
  }
  return false;
}

}  // namespace

// The bytes of version 1: they must never change.
TEST_CASE("superblock, run header and log page have their bytes") {
  const std::string first = "101112131415161718191a1b1c1d1e1f", second = "303132333435363738393a3b3c3d3e3f";
  check_page(encode_page(superblock()),
             "534c5844"
             "0100" +
                 first + second +
                 "04030201"
                 "14131211"
                 "24232221"
                 "fb0f5196");
  check_page(encode_page(header()),
             "534c5852"
             "0100"
             "0200" +
                 first +
                 "0807060504030201"
                 "1817161514131211"
                 "24232221"
                 "01000100"
                 "34333231"
                 "44434241"
                 "54535251"
                 "766dbe5b");
  check_page(encode_page(log_page()),
             "534c584c"
             "0100"
             "0300"
             "0807060504030201"
             "14131211"
             "02000000" +
                 first +
                 "01"
                 "2827262524232221"
                 "0700000000000000"
                 "00000000"
                 "03"
                 "0100000000000000"
                 "3837363534333231"
                 "44434241"
                 "6132a6bf");
}

// The bytes of version 2 of a log: they must never change.
TEST_CASE("a log page of a compacted disk has its bytes") {
  check_page(encode_page(compacted_page()),
             "534c584c"
             "0200"
             "0300"
             "0807060504030201"
             "14131211"
             "03000000"
             "101112131415161718191a1b1c1d1e1f"
             "06"
             "2827262524232221"
             "3433323144434241"
             "54535251"
             "07"
             "2827262524232221"
             "3433323100000000"
             "00000000"
             "08"
             "2827262524232221"
             "0000000000000000"
             "00000000"
             "7536615d");
}

TEST_CASE("what only a compacted disk has is nothing in a log of the version before") {
  LogPage page = compacted_page();
  page.version = kDiskVersion;
  CHECK_FALSE(decode_log_page(encode_page(page)));
  page.records = {{Record::Kind::drop, ExtentNumber{1}, 0, 0}};
  CHECK(decode_log_page(encode_page(page)) == page);
  page.version = kCompactedVersion + 1;
  CHECK_FALSE(decode_log_page(encode_page(page)));
}

TEST_CASE("pages come back from their bytes") {
  CHECK(decode_log_page(encode_page(compacted_page())) == compacted_page());
  CHECK(decode_superblock(encode_page(superblock())) == superblock());
  CHECK(decode_run_header(encode_page(header())) == header());
  RunHeader lacking = header();
  lacking.lacking = true;
  CHECK(decode_run_header(encode_page(lacking)) == lacking);
  // Who knows only version 1 takes it for damaged.
  CHECK(to_hex(encode_page(lacking).substr(4, 2)) == "0200");
  CHECK(decode_log_page(encode_page(log_page())) == log_page());
}

TEST_CASE("a page with any bit changed, or of another size, is none") {
  CHECK_FALSE(takes_a_changed_page(encode_page(superblock()), decode_superblock));
  CHECK_FALSE(takes_a_changed_page(encode_page(header()), decode_run_header));
  CHECK_FALSE(takes_a_changed_page(encode_page(log_page()), decode_log_page));
  CHECK_FALSE(takes_a_changed_page(encode_page(compacted_page()), decode_log_page));
  CHECK_FALSE(decode_superblock(""));
  CHECK_FALSE(decode_run_header(encode_page(header()).substr(0, 4095)));
  CHECK_FALSE(decode_log_page(std::string(kPageSize, '\0')));
}

TEST_CASE("a run is described by the checksums of its blocks and of all of it") {
  const std::string bytes(kBlockSize + 1000, 'x');

  const RunHeader described = describe({uuid(1), ExtentNumber{5}}, Epoch{2}, 9, bytes);

  CHECK(described.run == Run{9, kBlockSize + 1000, crc32c(bytes)});
  CHECK(described.blocks ==
        std::vector<std::uint32_t>{crc32c(bytes.substr(0, kBlockSize)), crc32c(bytes.substr(kBlockSize))});
  CHECK(describe({}, {}, 0, "").blocks.empty());
}

TEST_CASE("a page holds as many records as it says") {
  LogPage full = log_page();
  full.records.assign(kRecordsInPage, {Record::Kind::fence, ExtentNumber{3}, 4, 0});
  CHECK(decode_log_page(encode_page(full)) == full);
}

TEST_CASE("the areas of a disk follow each other, and slabs are aligned") {
  const Superblock small{{}, {}, 256, 3, 10};
  CHECK(log_offset(small, 0) == 4096);
  CHECK(log_offset(small, 1) == 11 * 4096);
  CHECK(slab_offset(small, 0) == 1 << 20);
  CHECK(slab_offset(small, 2) == 3 << 20);
  CHECK(disk_size(small) == 4 << 20);
}

}  // namespace sluice::rdma
