// The loss by channel against losses computed pack by pack, and what a checkpoint keeps of it.
#include <catch2/catch.hpp>

#include "model/load.h"
#include "train/pack_loss.h"

using namespace swift;
namespace fs = std::filesystem;

namespace {

data::Sample sample(std::vector<int32_t> ids, const std::string& channel) {
  data::Sample made{ids, ids, {}};
  made.labels[0] = made.labels[1] = data::kIgnore;
  made.channel = channel;
  return made;
}

}  // namespace

TEST_CASE("the loss by channel is the mean over the channel's trained tokens") {
  const model::Decoder decoder =
      model::load_decoder((fs::path(SWIFT_SOURCE_DIR) / "tests/golden/models/qwen3").string(), std::nullopt);
  std::vector<data::Sample> samples = {sample({1, 2, 3, 4, 5}, "math"), sample({6, 7, 8}, ""),
                                       sample({9, 8, 7, 6}, "code"), sample({5, 6, 7, 8, 9, 10}, "math")};
  samples[3].weights = {1, 1, 2, 0.5, 1, 3};
  at::NoGradGuard no_grad;
  train::ChannelLoss channels;
  std::vector<double> losses;
  data::Pack all;
  for (const data::Sample& one : samples) {
    data::Pack pack;
    data::append(pack, one);
    data::append(all, one);
    model::PackedContext attention(pack.cu_seqlens);
    losses.push_back(train::pack_loss(decoder, pack, attention, 1.0, {}).item<double>());
  }
  model::PackedContext attention(all.cu_seqlens);
  const double total = train::pack_loss(decoder, all, attention, 1.0, {}, {}, &channels).item<double>();
  CHECK(total == Approx(losses[0] + losses[1] + losses[2] + losses[3]).epsilon(1e-5));
  const base::Json means = channels.means();
  CHECK(means.size() == 3);
  CHECK(means.at("loss_math").get<double>() == Approx((losses[0] + losses[3]) / 7).epsilon(1e-5));
  CHECK(means.at("loss_code").get<double>() == Approx(losses[2] / 2).epsilon(1e-5));
  CHECK(means.at("loss_None").get<double>() == Approx(losses[1]).epsilon(1e-5));
  CHECK(train::ChannelLoss::from_json(channels.to_json()).means("eval_") == channels.means("eval_"));
  channels.add(train::ChannelLoss::from_json(channels.to_json()));
  CHECK(channels.means() == means);
  channels.clear();
  CHECK(channels.means().empty());
}
