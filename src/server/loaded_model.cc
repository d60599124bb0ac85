#include "server/loaded_model.h"

#include <unistd.h>

#include <filesystem>
#include <utility>

namespace moestress::server {

std::string served_id(const std::string& model_path) {
  const std::filesystem::path path(model_path);
  return path.extension() == ".gguf" ? path.stem().string() : path.filename().string();
}

base::Result<std::unique_ptr<LoadedModel>> load_model(const ServeOptions& options,
                                                      const base::Logger& logger) {
  MOESTRESS_TRY(const std::shared_ptr<const engine::Model> model, engine::Model::load(options.load, logger));
  MOESTRESS_TRY(auto batcher, engine::Batcher::start(model, options.context, logger));
  auto loaded = std::make_unique<LoadedModel>();
  loaded->model = model;
  loaded->served = {.id = served_id(options.load.path),
                    .info = model->info(),
                    .has_chat_template = model->has_chat_template(),
                    .placement = placement_report(model->tensors(), model->experts(), model->device().name),
                    .devices = engine::devices(),
                    .context = batcher->options(),
                    .mmap = options.load.mmap,
                    .repack = options.load.repack,
                    .queue = options.queue_max,
                    .version = options.version,
                    .pid = ::getpid()};
  loaded->batcher = std::move(batcher);
  return loaded;
}

}  // namespace moestress::server
