#pragma once

namespace moestress::engine {

/// Whether this machine has Vulkan devices and all of them are made of software (lavapipe, SwiftShader). The
/// engine leaves such devices out unless GGML_VK_VISIBLE_DEVICES names them. False where there is no Vulkan
/// loader.
bool only_software_vulkan();

}  // namespace moestress::engine
