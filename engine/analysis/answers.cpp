#include "engine/analysis/answers.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/tensor.h>

#include "engine/model/decoder.h"
#include "engine/model/torch_border.h"

namespace bsbr {

Answers ask(const LanguageModel& model, const std::vector<TokenId>& ids,
            const std::vector<std::int64_t>& positions, const Job& job) {
  return at_torch_border([&] {
    const Decoder& decoder = model.decoder();
    Decoder::Options options;
    options.job = job;
    const at::Tensor hidden = decoder.forward({ids, {static_cast<std::int64_t>(ids.size())}}, options);
    const at::TensorOptions integers = at::TensorOptions(at::kLong).device(hidden.device());
    std::vector<std::int64_t> tokens;
    tokens.reserve(positions.size());
    for (const std::int64_t position : positions) tokens.push_back(ids[static_cast<std::size_t>(position)]);
    const at::Tensor rows = at::tensor(positions, integers) - 1;  // each is predicted one before it
    const at::Tensor wanted = at::tensor(tokens, integers);
    const at::Tensor logs = at::log_softmax(decoder.head(hidden.index_select(0, rows)), 1);
    const auto values = [](const at::Tensor& x) {
      const at::Tensor host = x.to(at::kCPU, at::kDouble).contiguous();
      return std::vector<double>(host.const_data_ptr<double>(), host.const_data_ptr<double>() + host.numel());
    };
    return Answers{values(-logs.gather(1, wanted.unsqueeze(1)).squeeze(1)),
                   values(logs.argmax(1).eq(wanted))};
  });
}

}  // namespace bsbr
