#pragma once

#include <functional>
#include <memory>

#include "gateway/core/index.h"

namespace sluice::test {

/// Makes an empty index; what it returns keeps everything it needs alive.
using MakeIndex = std::function<std::shared_ptr<Index>()>;

/// The cases every Index must pass, as sections of the calling TEST_CASE.
void check_index_contract(const MakeIndex& make);

}  // namespace sluice::test
