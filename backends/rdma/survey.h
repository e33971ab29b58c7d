#pragma once

#include <optional>
#include <vector>

#include "backends/rdma/wire.h"

namespace sluice::rdma {

/// Pages from one to before another.
struct PageRange {
  Pages begin = 0;
  Pages end = 0;
  friend bool operator==(const PageRange&, const PageRange&) = default;
};

/// What one disk can say of a sealed extent that it has all of, though some headers are damaged: each page of it is in
/// exactly one of these.
struct Survey {
  std::vector<Run> runs;     ///< That are needed.
  std::vector<Run> lacking;  ///< So, but stored without some of their bytes.
  std::vector<PageRange> released;
  std::vector<PageRange> unknown;  ///< Behind a header that cannot be read.
  friend bool operator==(const Survey&, const Survey&) = default;
};

/// The runs that any of the disks knows, and the pages that none knows anything about. What one cannot read
/// another can. Pure.
struct Known {
  std::vector<Run> runs;
  std::vector<PageRange> unknown;
};
Known merged(const std::vector<Survey>& surveys);

/// As bytes: kListedRunSize for each of its parts, in the order of their pages.
std::string encode_survey(const Survey& survey);
/// Fails with corrupt for what encode_survey() cannot have made.
Result<Survey> decode_survey(std::string_view bytes);

/// The page behind the last one that it says something about.
Pages end_of(const Survey& survey);

}  // namespace sluice::rdma
