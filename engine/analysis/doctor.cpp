#include "engine/analysis/doctor.h"

#include <ATen/Functions.h>
#include <c10/core/CachingDeviceAllocator.h>

#include <array>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>

#include "engine/analysis/kernel_checks.h"
#include "engine/attention/bsbr_cuda.h"
#include "engine/base/error.h"
#include "engine/kernels/cuda/load.h"
#include "engine/model/device.h"
#include "engine/model/torch_border.h"

namespace bsbr {
namespace {

struct Gpu {
  at::Device device;
  const cuda::Interface& kernels;
};

/// The GPU with its kernels, or why there is none.
std::optional<Gpu> find_gpu(Diagnosis& diagnosis) {
  try {
    const at::Device device = find_device("cuda");
    const cuda::Interface& kernels = cuda::load_kernels();
    std::array<char, 256> name{};
    check_cuda(kernels, kernels.describe(device.index(), name.data(), name.size()), "describe the device");
    diagnosis.device = name.data();
    return Gpu{device, kernels};
  } catch (const Error& error) {
    diagnosis.no_gpu = error.what();
    return std::nullopt;
  }
}

double milliseconds(const Attention& attention, const KernelCase& of, at::Device device) {
  const auto run = [&] {
    (void)attention.forward(of.query, of.key, of.value, of.scale, nullptr, {});
    synchronize(device);
  };
  run();
  const auto start = std::chrono::steady_clock::now();
  constexpr int kTimes = 3;
  for (int i = 0; i < kTimes; ++i) run();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count() / kTimes;
}

AttentionTime time_attention(std::int64_t tokens, const Gpu& gpu) {
  KernelCase of;
  of.shape = {9, 3, 64};
  of.scale = 0.125;
  const auto random = [&](std::int64_t heads) {
    return at::randn({tokens, heads, 64}, at::TensorOptions(at::kFloat).device(gpu.device)).to(at::kBFloat16);
  };
  of.query = random(9);
  of.key = random(3);
  of.value = random(3);
  return {tokens, milliseconds(*make_dense_attention(of.shape, gpu.device), of, gpu.device),
          milliseconds(*make_bsbr_attention(of.shape, of.config, gpu.device), of, gpu.device)};
}

/// What is checked on one input: the CPU's kernels in float32, and where there is a GPU its own.
class Checks {
 public:
  Checks(const std::optional<Gpu>& gpu, const CheckSink& sink) : gpu_(gpu), sink_(sink) {}

  void run(const KernelCase& of) const {
    if (of.type == at::kFloat) {
      check_attention(of, *make_bsbr_attention(of.shape, of.config, at::kCPU), at::kCPU, "attention, CPU",
                      sink_);
      check_dense(of, at::kCPU, sink_);
    }
    if (!gpu_) return;
    if (of.type == at::kFloat) {
      check_attention(of, *make_bsbr_cuda(of.shape, of.config, gpu_->device, 0, gpu_->kernels), gpu_->device,
                      "attention, CUDA", sink_);
    }
    check_cuda_kernels(of, gpu_->device, gpu_->kernels, sink_);
    check_dense(of, gpu_->device, sink_);
  }

 private:
  const std::optional<Gpu>& gpu_;
  const CheckSink& sink_;
};

}  // namespace

Diagnosis diagnose(std::int64_t cases, std::uint64_t seed, bool small, const Job& job) {
  return at_torch_border([&] {
    Diagnosis diagnosis;
    diagnosis.machine = this_machine();
    const std::optional<Gpu> gpu = find_gpu(diagnosis);
    const CheckSink sink = [&](const KernelCheck& check) {
      if (check.passed()) {
        ++diagnosis.passed;
      } else {
        diagnosis.failed.push_back({check.kernel, check.input, check.fault});
      }
    };
    constexpr std::array kTypes{at::kFloat, at::kHalf, at::kBFloat16};
    const Checks checks(gpu, sink);
    const bool usual = gpu && !small;
    const auto all = static_cast<double>(cases + (usual ? std::ssize(kUsualHeads) : 0));
    for (std::int64_t i = 0; i < cases; ++i) {
      job.report("checking kernels", static_cast<double>(i) / all);
      for (const at::ScalarType type : kTypes)
        checks.run(random_case(seed + static_cast<std::uint64_t>(i), type));
    }
    for (std::size_t i = 0; usual && i < kUsualHeads.size(); ++i) {
      job.report("checking kernels", static_cast<double>(cases + static_cast<std::int64_t>(i)) / all);
      for (const at::ScalarType type : kTypes) checks.run(usual_case(kUsualHeads[i], i % 2 == 0, type));
    }
    if (!gpu) return diagnosis;
    constexpr std::array<std::int64_t, 3> kTimed{4096, 16384, 65536};
    for (std::size_t i = 0; usual && i < kTimed.size(); ++i) {
      job.report("timing attention", 1);
      diagnosis.times.push_back(time_attention(kTimed[i], *gpu));
    }
    const auto [free, total] =
        c10::getDeviceAllocator(gpu->device.type())->getMemoryInfo(gpu->device.index());
    diagnosis.free_bytes = static_cast<std::int64_t>(free);
    diagnosis.total_bytes = static_cast<std::int64_t>(total);
    return diagnosis;
  });
}

nlohmann::json Diagnosis::to_json() const {
  nlohmann::json json{
      {"machine", machine.to_json()}, {"passed", passed}, {"failed", nlohmann::json::array()}};
  if (device.empty()) {
    json["no_gpu"] = no_gpu;
  } else {
    json["gpu"] = {{"name", device}, {"free_bytes", free_bytes}, {"total_bytes", total_bytes}};
    for (const AttentionTime& time : times) {
      json["attention_ms"].push_back(
          {{"tokens", time.tokens}, {"dense", time.dense_ms}, {"bsbr", time.bsbr_ms}});
    }
  }
  for (const CheckedKernel& check : failed)
    json["failed"].push_back({{"kernel", check.kernel}, {"input", check.input}, {"fault", check.fault}});
  return json;
}

}  // namespace bsbr
