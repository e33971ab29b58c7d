#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backends/postgres/connection.h"

// Values in PostgreSQL's binary format (src/backend/utils/adt/arrayfuncs.c, array_recv
// and array_send; numbers in network order). Pure.

namespace sluice::postgres {

Field number(std::int64_t value);  ///< int8
std::optional<std::int64_t> number(const Field& field);
std::optional<bool> truth(const Field& field);

Field byte_strings(const std::vector<std::string_view>& values);        ///< bytea[]
Field numbers(const std::vector<std::optional<std::int64_t>>& values);  ///< int8[]
Field truths(const std::vector<bool>& values);                          ///< bool[]

}  // namespace sluice::postgres
