#pragma once

#include <infiniband/verbs.h>

#include <memory>

namespace sluice::verbs {

/// Gives the library's objects back; in the order of their making, the last first.
struct Close {
  void operator()(ibv_context* object) const { ibv_close_device(object); }
  void operator()(ibv_pd* object) const { ibv_dealloc_pd(object); }
  void operator()(ibv_mr* object) const { ibv_dereg_mr(object); }
  void operator()(ibv_comp_channel* object) const { ibv_destroy_comp_channel(object); }
  void operator()(ibv_cq* object) const { ibv_destroy_cq(object); }
  void operator()(ibv_qp* object) const { ibv_destroy_qp(object); }
};
template <class T>
using Owned = std::unique_ptr<T, Close>;

}  // namespace sluice::verbs
