#include <cstdlib>
#include <fstream>

#include "base/error.h"
#include "fake_model.h"
#include "infer/server/task_options.h"

using namespace swift;
using namespace swift::infer;

TEST_CASE("keys come from the setting, the file and the environment together") {
  const fake::TemporaryFolder folder;
  std::ofstream(folder.path / "keys") << "from-file\n";
  config::Task task;
  task.model = "/models/tiny/";
  task.api_key = {"from-setting"};
  task.api_key_file = folder.path / "keys";
  ::setenv("SWIFT_API_KEY", "one,two", 1);
  const server::ServerOptions options = server::options_of(task);
  ::unsetenv("SWIFT_API_KEY");
  CHECK(options.api_keys == std::vector<std::string>{"from-setting", "from-file", "one", "two"});
  CHECK(options.served_model_names == std::vector<std::string>{"tiny"});
  CHECK(options.http.port == 8000);
  CHECK(options.http.max_body_bytes == 32 * 1024 * 1024);
}

TEST_CASE("the served name is the setting's, else that of the manifests") {
  config::Task task;
  task.model = "m";
  task.deploy.value["model_name"] = "shipped";
  CHECK(server::options_of(task).served_model_names == std::vector<std::string>{"shipped"});
  task.served_model_name = {"a", "b"};
  CHECK(server::options_of(task).served_model_names == std::vector<std::string>{"a", "b"});
}

TEST_CASE("a certificate needs its key") {
  config::Task task;
  task.ssl_certfile = "cert.pem";
  CHECK_THROWS_WITH(server::options_of(task), Catch::Contains("ssl_certfile needs ssl_keyfile"));
}
