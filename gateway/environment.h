#pragma once

#include <map>
#include <string>

namespace sluice {

/// The environment variables of this process whose names begin with SLUICE_.
std::map<std::string, std::string> environment();

}  // namespace sluice
