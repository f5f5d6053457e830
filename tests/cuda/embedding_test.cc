#include "cuda/embedding.h"

#include "cuda/compare.h"

using namespace swift::cuda;
using namespace swift::cuda_test;

TEST_CASE("the gradient of an embedding adds the rows of each token") {
  struct Shape {
    size_t tokens, hidden, vocab;
  };
  for (const Type type : kTypes) {
    for (const Type weight_type : {type, Type::float32}) {
      for (const Shape s : {Shape{700, 20, 900}, {300, 7, 3}, {6, 1100, 600}}) {
        {
          const bool accumulate = weight_type == type;
          CAPTURE(s.tokens, s.hidden, s.vocab, accumulate);
          std::mt19937 random(5);
          std::vector<int32_t> ids;
          // A few tokens make up half of the text; one lies outside the vocabulary.
          for (size_t i = 0; i < s.tokens; ++i) {
            ids.push_back(static_cast<int32_t>(random() % 2 == 0 ? random() % 2 : random() % s.vocab));
          }
          if (s.tokens > 4) ids[3] = -1;
          const auto dy = normal(type, s.tokens * s.hidden, 1);
          const auto before = normal(weight_type, s.vocab * s.hidden, 2);
          std::vector<double> wanted(before.begin(), before.end());
          std::vector<bool> seen(s.vocab);
          for (size_t t = 0; t < s.tokens; ++t) {
            if (ids[t] < 0) continue;
            const auto id = static_cast<size_t>(ids[t]);
            for (size_t i = 0; i < s.hidden; ++i) {
              double& to = wanted[id * s.hidden + i];
              if (!seen[id] && !accumulate) to = 0;
              to += dy[t * s.hidden + i];
            }
            seen[id] = true;
          }
          const auto check = [&] {
            const Buffer<int32_t> id("ids", ids), order("order", s.tokens),
                start("bucket_start", kEmbeddingBuckets + 1);
            const Values grad("dy", type, dy), out("dweight", weight_type, before);
            embedding_backward({type, weight_type, id.data(), grad.data(), out.data(), accumulate,
                                static_cast<int64_t>(s.tokens), static_cast<int>(s.hidden),
                                static_cast<int>(s.vocab), order.data(), start.data()},
                               nullptr);
            check_near(out.read(), wanted, weight_type, std::sqrt(static_cast<double>(s.tokens)));
          };
          if (type == Type::bfloat16 && s.hidden == 20) {
            in_every_order(check);
          } else {
            check();
          }
        }
      }
    }
  }
}
