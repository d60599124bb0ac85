#pragma once

#include <string>
#include <string_view>

#include "report/report_input.h"

namespace moestress::report {

/// summary.md: the verdict, a matrix of criteria, what failed and why, tests, recommendations and how to
/// reproduce, in GitHub's Markdown. Text from servers and models can't become markup.
std::string summary_markdown(const ReportInput& input);

/// Untrusted text as one line of Markdown: every character that could begin markup is escaped.
std::string markdown_text(std::string_view text);

}  // namespace moestress::report
