#include "infer/row_writer.h"

#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "fake_model.h"

using namespace swift;
using namespace swift::infer;

TEST_CASE("rows that come in any order are written in theirs") {
  std::ostringstream out;
  RowWriter writer(out);
  writer.put(1, {{"i", 1}});
  CHECK(out.str().empty());
  writer.put(0, {{"i", 0}});
  CHECK(out.str() == "{\"i\":0}\n{\"i\":1}\n");
  writer.put(3, {{"i", 3}});
  writer.commit();
  CHECK(out.str() == "{\"i\":0}\n{\"i\":1}\n{\"i\":3}\n");
  CHECK(writer.written() == 3);
}

TEST_CASE("a result file appears when it is complete, its rows are beside it before") {
  const fake::TemporaryFolder folder;
  const auto path = folder.path / "new" / "out.jsonl";
  {
    RowWriter writer(path);
    writer.put(0, {{"i", 0}});
    CHECK_FALSE(std::filesystem::exists(path));
    CHECK(base::read_file(writer.partial_path()) == "{\"i\":0}\n");
  }
  CHECK(std::filesystem::exists(path.string() + ".partial"));
  {
    RowWriter writer(path);
    writer.put(0, {{"i", 7}});
    writer.commit();
  }
  CHECK(base::read_file(path) == "{\"i\":7}\n");
  CHECK_FALSE(std::filesystem::exists(path.string() + ".partial"));
  { RowWriter without_rows(path); }
  CHECK(base::read_file(path) == "{\"i\":7}\n");
  CHECK_FALSE(std::filesystem::exists(path.string() + ".partial"));
}

TEST_CASE("a full disk and a folder in the way are errors") {
  const fake::TemporaryFolder folder;
  CHECK_THROWS_AS(RowWriter(folder.path), base::Error);
  std::ofstream(folder.path / "file") << "x";
  CHECK_THROWS_AS(RowWriter(folder.path / "file" / "out.jsonl"), base::Error);
  if (std::filesystem::exists("/dev/full")) {
    RowWriter writer(std::filesystem::path("/dev/full"));
    CHECK_THROWS_AS(writer.put(0, {{"i", 0}}), base::Error);
  }
}
