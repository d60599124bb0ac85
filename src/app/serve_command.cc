#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <memory>
#include <string>

#include "app/command.h"
#include "app/stop_signals.h"
#include "base/log.h"
#include "base/text.h"
#include "plan/placement.h"
#include "server/server.h"

namespace moestress::app {
namespace {

struct ServeArguments {
  server::ServeOptions serve;
  std::string experts = "cpu";
  std::string api_key_env;
  std::string log_level = "info";
};

base::LogLevel log_level_of(const std::string& name) {
  if (name == "debug") return base::LogLevel::Debug;
  if (name == "warning") return base::LogLevel::Warning;
  if (name == "error") return base::LogLevel::Error;
  if (name == "off") return base::LogLevel::Off;
  return base::LogLevel::Info;
}

base::Result<std::string> key_from_environment(const std::string& name) {
  if (name.empty()) return std::string{};
  const char* key = std::getenv(name.c_str());
  if (key == nullptr || *key == '\0') {
    return base::fail(base::ErrorCode::Usage,
                      "--api-key-env: the environment variable {} is not set, or is empty", name);
  }
  return std::string(key);
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

void warn_if_open(const server::ServeOptions& options, const base::Logger& logger) {
  if (is_loopback(options.http.host)) return;
  if (options.api_key.empty()) {
    logger.warning(
        "listening on {}, not on loopback only, without an API key: whoever reaches this port can use the "
        "model. Give --api-key-env, or --host 127.0.0.1",
        options.http.host);
  } else {
    logger.warning(
        "listening on {}, not on loopback only; the API key and all texts cross the network unencrypted",
        options.http.host);
  }
}

/// What is served, where its experts really are, and what each device holds of it.
std::string ready_text(const std::string& url, const server::ReadyReport& report) {
  const server::ServedModel& served = report.served;
  const server::PlacementReport& placement = served.placement;
  std::string text = fmt::format("ready: {} serves {} ({}, {} MoE layers, {} experts, {} used, {} shared)\n",
                                 url, served.id, served.info.architecture, served.info.moe_layers,
                                 served.info.experts, served.info.experts_used, served.info.experts_shared);
  text += fmt::format("experts: asked {}, as asked: {}; routed expert tensors on the host {}, on {} {}\n",
                      placement.asked, placement.as_asked ? "yes" : "NO", placement.routed_tensors_on_host,
                      placement.device, placement.routed_tensors_on_device);
  for (const server::DeviceBytes& device : placement.devices) {
    text += fmt::format("experts on {}: routed {}, shared {}\n", device.device,
                        base::human_bytes(static_cast<double>(device.routed_bytes)),
                        base::human_bytes(static_cast<double>(device.shared_bytes)));
  }
  for (const engine::MemoryUse& use : report.memory) {
    const auto named = std::find_if(served.devices.begin(), served.devices.end(),
                                    [&](const engine::Device& device) { return device.name == use.device; });
    text += fmt::format("memory of {}{}: model {}, context {}, compute {}\n", use.device,
                        named != served.devices.end() && named->software ? " (software Vulkan device)" : "",
                        base::human_bytes(static_cast<double>(use.model_bytes)),
                        base::human_bytes(static_cast<double>(use.context_bytes)),
                        base::human_bytes(static_cast<double>(use.compute_bytes)));
  }
  text +=
      fmt::format("slots: {} of {} tokens each; threads: {}{}\n", served.context.slots,
                  served.context.context_tokens, served.context.threads,
                  served.context.trace_routing ? "; tracing routing: slower, don't time this server" : "");
  return text;
}

void say(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

/// The first signal drains, the second one ends the process. While the model loads there is nothing to drain.
void on_stop_signal(server::Server& server, int count, const base::Logger& logger) {
  if (count > 1) {
    logger.warning("stopped by a second signal; running requests are cut off");
    std::_Exit(kInterrupted);
  }
  if (!server.ready()) {
    logger.info("stopped while the model was loading");
    std::_Exit(kPassed);
  }
  logger.info("draining: running requests finish, new ones get 503; a second signal ends at once");
  server.drain();
}

base::Status serve(const ServeArguments& arguments) {
  server::ServeOptions options = arguments.serve;
  const base::Logger logger(log_level_of(arguments.log_level));
  MOESTRESS_TRY(options.load.experts, plan::parse_placement(arguments.experts));
  MOESTRESS_TRY(options.api_key, key_from_environment(arguments.api_key_env));
  options.version = MOESTRESS_VERSION;
  warn_if_open(options, logger);

  std::unique_ptr<server::Server> server;  // outlives the watch, which calls it
  std::promise<server::Server*> started;
  // Before the server starts, since its threads inherit the blocked signals.
  MOESTRESS_TRY(const StopSignals signals,
                StopSignals::watch([running = started.get_future().share(), logger](int count) {
                  if (server::Server* const target = running.get()) on_stop_signal(*target, count, logger);
                }));
  auto listening = server::Server::start(std::move(options), logger);
  started.set_value(listening ? listening->get() : nullptr);
  MOESTRESS_TRY(server, std::move(listening));
  say(fmt::format("listening: {} answers 503 until the model is loaded\n", server->url()));
  if (const auto report = server->wait_ready()) say(ready_text(server->url(), *report));
  return server->wait();
}

}  // namespace

void add_serve_command(CLI::App& program, int& exit_code) {
  auto arguments = std::make_shared<ServeArguments>();
  arguments->serve.http.port = server::kDefaultPort;
  server::ServeOptions& serve_options = arguments->serve;
  CLI::App* command = program.add_subcommand("serve", "Serve a model over the OpenAI and shimmy APIs");
  command->add_option("-m,--model", serve_options.load.path, "The model, a GGUF file")
      ->required()
      ->check(CLI::ExistingFile);
  command->add_option("--host", serve_options.http.host, "Address to listen on")->capture_default_str();
  command->add_option("--port", serve_options.http.port, "Port to listen on; 0: any free one")
      ->capture_default_str();
  command
      ->add_option("--device", serve_options.load.device,
                   "Where the weights go: auto, cpu, Vulkan0, CUDA0, …")
      ->capture_default_str();
  command
      ->add_option("--experts", arguments->experts,
                   "Where routed experts go: cpu, gpu, first:N, or a JSON file")
      ->capture_default_str();
  command->add_option("--slots", serve_options.context.slots, "Sequences decoded together")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  command->add_option("--ctx", serve_options.context.context_tokens, "Context of each slot, in tokens")
      ->check(CLI::Range(8, 16'777'216))
      ->capture_default_str();
  command
      ->add_option("--threads", serve_options.context.threads,
                   "0: one for each physical core; one beside a software device")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  command->add_option("--queue", serve_options.queue_max, "Requests that may wait for a slot; more get 429")
      ->check(CLI::Range(0, 1000))
      ->capture_default_str();
  command->add_flag("--mmap", serve_options.load.mmap,
                    "Map the file instead of reading it (byte counts get vague)");
  command->add_flag("--repack", serve_options.load.repack,
                    "Let the CPU repack weights (faster, rounds differently)");
  command->add_option("--trace", serve_options.trace_path,
                      "Append every request's routing to this file (slower)");
  command->add_option("--api-key-env", arguments->api_key_env,
                      "Ask for the bearer key that this environment variable holds");
  command->add_option("--log-level", arguments->log_level)
      ->check(CLI::IsMember({"debug", "info", "warning", "error", "off"}))
      ->capture_default_str();
  command->footer(
      "Examples:\n"
      "  moestress serve -m model.gguf --experts cpu\n"
      "  moestress serve -m model.gguf --device Vulkan0 --experts first:8 --slots 3 --ctx 4096 --port 0\n"
      "  KEY=… moestress serve -m model.gguf --host 0.0.0.0 --api-key-env KEY\n"
      "SIGINT or SIGTERM: running requests finish within 30 s, new ones get 503, exit 0. A second one ends "
      "at once\n"
      "(exit 130).");
  command->callback([arguments, &exit_code] {
    base::Status status = serve(*arguments);
    // What the operating system refuses here is a port, an address or a path that the command line names.
    if (!status && status.error().code == base::ErrorCode::Io) status.error().code = base::ErrorCode::Usage;
    exit_code = status ? kPassed : report_error(status.error());
  });
}

}  // namespace moestress::app
