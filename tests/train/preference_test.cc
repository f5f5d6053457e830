// Preference training: against trl's DPOTrainer, shared prompts against unshared, packing, resuming,
// references.
#include "preference_runs.h"

using namespace swift;
using namespace swift::tests::preference_runs;

TEST_CASE("ten steps of DPO from an adapter are those of trl, whose reference is that adapter too") {
  check_dpo_against_trl(at::kCPU);
}

TEST_CASE("the first loss of sigmoid DPO is ln 2 whatever the reference is kept as") {
  for (const char* tuner : {"lora", "full"}) {
    for (const bool precomputed : {false, true}) {
      CAPTURE(tuner, precomputed);
      config::Task task = task_of("dpo", tuner);
      task.max_steps = 2, task.warmup_steps = 0;
      task.precompute_ref_log_probs = precomputed;
      const Run found = run(task, rows_of("dpo"));
      CHECK(number(found.lines[0], "loss") == Approx(std::log(2.0)).epsilon(1e-6));
      CHECK(number(found.lines[0], "rewards/margins") == Approx(0).margin(1e-5));
      CHECK(number(found.lines[1], "loss") != Approx(std::log(2.0)).epsilon(1e-6));
    }
  }
}

TEST_CASE(
    "log-probabilities of answers behind a shared prompt are those of the answers alone, and so the "
    "gradients") {
  const data::PreferenceDataset rows = rows_of("dpo");
  model::Decoder decoder = model::load_decoder(golden("models/qwen3"), std::nullopt);
  const auto settings = model::load_adapter(decoder, golden("trajectory/start/qwen3"));
  const auto trained = train::make_trainable(decoder, &settings, task_of("dpo"));
  const auto measure = [&](bool shared) {
    AnswerPack pack;
    for (size_t i = 0; i < 5; ++i) {
      if (shared) append_answers(pack, {&rows.train[i].chosen, &rows.train[i].rejected});
      if (!shared) append_answers(pack, {&rows.train[i].chosen});
      if (!shared) append_answers(pack, {&rows.train[i].rejected});
    }
    model::PackedContext attention = attention_of(pack);
    const Tensor sums = answer_sums(pack, row_log_probs(decoder, pack, attention, {}));
    (sums * at::linspace(-1, 1, pack.answers())).sum().backward();
    std::vector<Tensor> found = {sums.detach(), at::scalar_tensor(pack.tokens())};
    for (const auto& parameter : trained) {
      found.push_back(parameter.value.grad().clone());
      parameter.value.mutable_grad().reset();
    }
    return found;
  };
  const auto together = measure(true), apart = measure(false);
  CHECK((together[0] - apart[0]).abs().max().item<double>() < 1e-5);
  CHECK(together[1].item<double>() < apart[1].item<double>());
  for (size_t i = 2; i < together.size(); ++i) {
    const double size = std::max(1e-6, apart[i].abs().max().item<double>());
    CHECK((together[i] - apart[i]).abs().max().item<double>() / size < 1e-5);
  }
}

TEST_CASE("a pair's packed form holds each trained token of both answers once a side") {
  data::Sample a, b;
  a.input_ids = {1, 2, 3, 4, 5}, a.labels = {-100, -100, 3, 4, 5};
  b.input_ids = {1, 2, 3, 9}, b.labels = {-100, -100, 3, 9};
  AnswerPack pack;
  append_answers(pack, {&a, &b});
  CHECK(pack.pack.input_ids == std::vector<int32_t>{1, 2, 3, 4, 5, 3, 9});
  CHECK(pack.pack.position_ids == std::vector<int32_t>{0, 1, 2, 3, 4, 2, 3});
  CHECK(pack.pack.labels == std::vector<int32_t>{-100, 3, 4, 5, -100, 9, -100});
  CHECK(pack.pack.cu_seqlens == std::vector<int32_t>{0, 2, 5, 7});
  CHECK(pack.continues == std::vector<uint8_t>{0, 1, 1});
  CHECK(pack.rows == std::vector<int64_t>{1, 2, 3, 1, 5});  // the shared 3 in both
  CHECK(pack.counts == std::vector<int64_t>{3, 2});
  CHECK(pack.last == std::vector<int64_t>{4, 6});
  CHECK(at::equal(length_weights(pack, 0.5), at::tensor({1.0F, 1.0F, 0.5F, 1.0F, 1.0F})));
}

TEST_CASE("every preference method trains, with recomputation and accumulation as without") {
  for (const char* method : {"dpo", "kto", "orpo", "cpo", "simpo", "rm"}) {
    CAPTURE(method);
    config::Task task = task_of(method);
    task.learning_rate = 5e-3;
    task.eval_strategy = "steps", task.eval_steps = 10;
    const data::PreferenceDataset rows = rows_of(method, 6);
    task.gradient_checkpointing = false;
    const Run plain = run(task, rows);
    task.gradient_checkpointing = true;
    const Run recomputed = run(task, rows);
    CHECK(largest_difference(plain.trained, recomputed.trained) < 1e-6);
    const base::Json& first = plain.lines.front();
    for (const char* key : {"rewards/chosen", "rewards/rejected", "rewards/margins", "rewards/accuracies"})
      CHECK(first.contains(key));
    const base::Json& evaluated = plain.lines.back();
    CHECK(evaluated.contains("eval_loss"));
    CHECK(evaluated.contains("eval_rewards/accuracies"));
    if (std::string(method) == "kto") CHECK(first.contains("kl"));
    if (std::string(method) != "kto") {  // one step of four pairs in one, two or four micro-batches
      task.max_steps = 1, task.warmup_steps = 0;
      task.per_device_train_batch_size = 4, task.gradient_accumulation_steps = 1;
      const Run one = run(task, rows);
      task.per_device_train_batch_size = 1, task.gradient_accumulation_steps = 4;
      const bool mean_of_pairs = std::string(method) == "dpo" || std::string(method) == "rm";
      if (mean_of_pairs) CHECK(largest_difference(one.trained, run(task, rows).trained) < 1e-5);
    }
  }
}

TEST_CASE("preference runs resume bit for bit, running means and metrics included") {
  for (const char* method : {"dpo", "kto", "rm"}) {
    for (const char* tuner : {"lora", "full"}) {
      CAPTURE(method, tuner);
      config::Task task = task_of(method, tuner);
      if (std::string(method) == "dpo") task.loss_type = {"bco_pair"};
      task.dataset_shuffle = true;
      task.max_steps = 6;
      task.save_steps = 3;
      task.logging_steps = 4;
      const data::PreferenceDataset rows = rows_of(method);
      const fs::path whole = fresh("whole");
      const Run once = run_in(task, rows, whole);
      const Run again = run_in(task, rows, whole, whole / "checkpoint-3");
      CHECK(largest_difference(once.trained, again.trained) == 0);
      for (const char* key : {"loss", "rewards/chosen", "rewards/rejected"})
        CHECK(number(once.lines.back(), key) == number(again.lines.back(), key));
      fs::remove_all(whole);
    }
  }
}

TEST_CASE("packed pairs give the loss and the update of the same pairs unpacked") {
  config::Task task = task_of("dpo");
  task.max_steps = 1;
  task.per_device_train_batch_size = 40, task.gradient_accumulation_steps = 1;
  const data::PreferenceDataset rows = rows_of("dpo");
  const Run plain = run(task, rows);
  task.packing = true;
  task.packing_length = 100;
  const Run packed = run(task, rows);
  CHECK(number(packed.lines[0], "loss") == Approx(number(plain.lines[0], "loss")).epsilon(1e-6));
  CHECK(number(packed.lines[0], "grad_norm") == Approx(number(plain.lines[0], "grad_norm")).epsilon(1e-5));
}

TEST_CASE("kept reference log-probabilities are found again, and made anew for other data") {
  config::Task task = task_of("dpo", "full");
  task.max_steps = 1;
  task.precompute_ref_log_probs = true;
  const fs::path folder = fresh("kept");
  task.cache_dir = (folder / "cache").string();
  data::PreferenceDataset rows = rows_of("dpo");
  const auto count = [&] {
    return std::distance(fs::directory_iterator(folder / "cache"), fs::directory_iterator());
  };
  fs::create_directories(folder / "run");
  const Run first = run_in(task, rows, folder / "run");
  CHECK(count() == 1);
  CHECK(run_in(task, rows, fresh("kept-again")).lines[0].at("loss") == first.lines[0].at("loss"));
  CHECK(count() == 1);
  rows.train.pop_back();
  run_in(task, rows, fresh("kept-other"));
  CHECK(count() == 2);
  fs::remove_all(folder);
}

TEST_CASE("a reward model's head is saved with its adapter and its weights, and read back") {
  for (const char* tuner : {"lora", "full"}) {
    CAPTURE(tuner);
    config::Task task = task_of("rm", tuner);
    task.max_steps = 2;
    const fs::path folder = fresh("head");
    const Run done = run_in(task, rows_of("rm"), folder);
    const fs::path checkpoint = done.result.last_checkpoint;
    const bool lora = std::string(tuner) == "lora";
    model::Decoder again = model::load_decoder(lora ? fs::path(task.model) : checkpoint, std::nullopt);
    if (lora) {
      model::load_adapter(again, checkpoint);
      const base::Json config = base::read_json(checkpoint / "adapter_config.json");
      CHECK(config.at("task_type") == "SEQ_CLS");
      CHECK(config.at("modules_to_save") == base::Json{"score"});
    } else {
      CHECK(base::read_json(checkpoint / "config.json").at("architectures").at(0) ==
            "Qwen3ForSequenceClassification");
    }
    REQUIRE(again.score.defined());
    for (const auto& [name, value] : done.trained) {
      if (name.ends_with("score.weight")) CHECK(at::equal(value, again.score));
    }
    fs::remove_all(folder);
  }
}
