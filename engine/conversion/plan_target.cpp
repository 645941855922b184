#include "engine/conversion/plan_target.h"

#include "engine/base/error.h"

namespace bsbr {

void PlanTarget::validate() const {
  if (density.has_value() == kl.has_value())
    throw Error(ErrorKind::InvalidArgument, "a plan needs one target, a density or a KL");
  if (density && !(*density > 0 && *density <= 1))
    throw Error(ErrorKind::InvalidArgument, cat("density is ", *density, "; legal: above 0, up to 1"));
  if (kl && !(*kl > 0)) throw Error(ErrorKind::InvalidArgument, cat("quality is ", *kl, "; legal: above 0"));
  if (!(recall > 0)) throw Error(ErrorKind::InvalidArgument, cat("recall is ", recall, "; legal: above 0"));
}

}  // namespace bsbr
