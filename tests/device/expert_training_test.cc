// Experts with gradients on a device, all of a layer at once, against experts that are run one by one.
#include "device/training.h"
#include "gradcheck.h"
#include "model/device_experts.h"
#include "ops/int8_weight.h"

using namespace swift;
using at::Tensor;
using tests::check_against_plain;
using tests::host_device;
using tests::random;
using tests::relative;
using tests::tolerance_of;

namespace {

constexpr int64_t kExperts = 5, kHidden = 32, kInner = 24, kRank = 6;
constexpr uint64_t kKey = 99;

// y, the router's scores, and for each expert the weights of gate, up and down, with A and B of each.
std::vector<Tensor> inputs_of(int64_t tokens, at::ScalarType type) {
  std::vector<Tensor> inputs = {random({tokens, kHidden}, type), random({tokens, kExperts})};
  for (int64_t e = 0; e < kExperts; ++e) {
    for (const auto& [out, in] : {std::pair{kInner, kHidden}, {kInner, kHidden}, {kHidden, kInner}}) {
      inputs.push_back(random({out, in}, type) * 0.2);
      inputs.push_back(random({kRank, in}) * 0.3);
      inputs.push_back(random({out, kRank}) * 0.3);
    }
  }
  return inputs;
}

std::vector<model::Expert> experts_of(const std::vector<Tensor>& inputs, double dropout) {
  std::vector<model::Expert> experts(kExperts);
  size_t at = 2;
  uint64_t id = 1;
  for (model::Expert& expert : experts) {
    for (model::LinearLayer* linear : {&expert.gate, &expert.up, &expert.down}) {
      linear->weight = inputs[at];
      model::LoraPair& pair = linear->lora.emplace();
      pair.a = inputs[at + 1], pair.b = inputs[at + 2];
      pair.scale = 0.5, pair.dropout = dropout, pair.id = id++;
      at += 3;
    }
  }
  return experts;
}

model::MoeSpec spec_of(bool normalize) {
  return {kExperts, 2, kInner, normalize, {true}};
}

}  // namespace

TEST_CASE(
    "on a device, experts with low-rank updates and dropout have the gradients of those run one by one") {
  at::manual_seed(21);
  for (const auto type : {at::kFloat, at::kBFloat16, at::kHalf}) {
    for (const bool normalize : {false, true}) {
      for (const double dropout : {0.0, 0.2}) {
        CAPTURE(type, normalize, dropout);
        check_against_plain(
            [&](const auto& t) {
              const auto mixed = model::mix_on_device(t[0], t[1], experts_of(t, dropout), spec_of(normalize),
                                                      kKey, nullptr, 0);
              REQUIRE(mixed.has_value());
              return *mixed;
            },
            [&](const auto& t) {
              return model::mix_experts(t[0], t[1], experts_of(t, dropout), spec_of(normalize), kKey, nullptr,
                                        0);
            },
            inputs_of(70, type),
            type == at::kFloat ? tests::Tolerance{1e-5, 1e-4} : tests::Tolerance{2e-2, 4e-2}, host_device());
      }
    }
  }
}

TEST_CASE("on a device, gradients of experts are the same each time, and zeros for one without tokens") {
  at::manual_seed(22);
  std::vector<Tensor> inputs = inputs_of(40, at::kBFloat16);
  inputs[1].select(1, 3).fill_(-100);  // none is sent to the fourth
  const auto gradients = [&] {
    std::vector<Tensor> there, result;
    for (const Tensor& t : inputs) there.push_back(t.to(host_device()).requires_grad_(true));
    const auto y =
        model::mix_on_device(there[0], there[1], experts_of(there, 0.1), spec_of(true), kKey, nullptr, 0);
    y->sum().backward();
    for (const Tensor& t : there) result.push_back(t.grad().cpu());
    return result;
  };
  const auto first = gradients(), second = gradients();
  for (size_t i = 0; i < first.size(); ++i) CHECK(at::equal(first[i], second[i]));
  for (size_t i = 0; i < 9; ++i) CHECK(first[2 + 3 * 9 + i].count_nonzero().item<int64_t>() == 0);
}

TEST_CASE("on a device, quantized experts give gradients to what is before them") {
  at::manual_seed(23);
  const std::vector<Tensor> inputs = inputs_of(40, at::kBFloat16);
  const auto quantized = [&](const std::vector<Tensor>& t, at::Device device) {
    auto experts = experts_of(t, 0);
    for (size_t e = 0; e < experts.size(); ++e) {
      size_t at = 2 + e * 9;
      for (model::LinearLayer* linear : {&experts[e].gate, &experts[e].up, &experts[e].down}) {
        const ops::Int8Weight weight(inputs[at], inputs[at].size(1), at::kBFloat16);
        linear->weight = linear->weight.detach();
        linear->keep_quantized(weight.to(device));
        at += 3;
      }
    }
    return experts;
  };
  const auto run = [&](at::Device device, auto mix) {
    std::vector<Tensor> there;
    for (const Tensor& t : inputs) there.push_back(t.detach().clone().to(device).requires_grad_(true));
    mix(there[0], there[1], quantized(there, device)).sum().backward();
    return std::pair{there[0].grad().cpu(), there[3].grad().cpu()};
  };
  const auto [want_y, want_a] = run(at::kCPU, [](const Tensor& y, const Tensor& scores, const auto& experts) {
    return model::mix_experts(y, scores, experts, spec_of(true), {}, nullptr, 0);
  });
  const auto [got_y, got_a] =
      run(host_device(), [](const Tensor& y, const Tensor& scores, const auto& experts) {
        return model::mix_on_device(y, scores, experts, spec_of(true), {}, nullptr, 0).value();
      });
  CHECK(relative(got_y, want_y) < 0.04);
  CHECK(relative(got_a, want_a) < 0.04);
  const at::NoGradGuard no_grad;
  const Tensor y = inputs[0].to(host_device());
  CHECK_FALSE(model::mix_on_device(y, inputs[1].to(host_device()), quantized(inputs, host_device()),
                                   spec_of(true), {}, nullptr, 0));
}

TEST_CASE("on a device, trained experts lie one behind the other, and stay leaves") {
  model::Decoder decoder = model::load_decoder(tests::trajectory::golden("models/qwen3_moe"), at::kBFloat16);
  model::move_to(decoder, host_device());
  const auto parameters = train::make_trainable(decoder, nullptr, tests::device_runs::task_of("full"));
  const auto& experts = decoder.blocks[0].experts;
  for (size_t e = 0; e + 1 < experts.size(); ++e) {
    const Tensor &one = experts[e].down.weight, &next = experts[e + 1].down.weight;
    CHECK(next.const_data_ptr() == static_cast<const std::byte*>(one.const_data_ptr()) + one.nbytes());
    CHECK((one.is_leaf() && one.requires_grad()));
  }
  size_t found = 0;
  for (const train::Parameter& parameter : parameters)
    found += parameter.value.is_same(experts[2].gate.weight) ? 1 : 0;
  CHECK(found == 1);
}
