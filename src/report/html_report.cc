#include "report/html_report.h"

#include <fmt/format.h>

#include "report/junit.h"
#include "report/report_assets.h"

namespace moestress::report {

std::string html_report(const ReportInput& input) {
  std::string out;
  out += fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'sha256-{}'; "
      "style-src 'sha256-{}'; img-src data:; base-uri 'none'; form-action 'none'\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n"
      "<link rel=\"icon\" href=\"data:,\">\n"  // else a browser looks for one on its own
      "<title>{} · moestress {}</title>\n",
      report_script_sha256(), report_style_sha256(), to_string(overall_verdict(input)),
      xml_text(input.run.id));
  out.append("<style>").append(report_style()).append("</style>\n</head>\n<body>\n");
  out += fmt::format(
      "<div id=\"app\"></div>\n<noscript><p>This page draws the run's result with JavaScript, which is "
      "switched off. "
      "Verdict: {}. The same results are in summary.md and result.json beside it.</p></noscript>\n",
      to_string(overall_verdict(input)));
  out.append("<script type=\"application/json\" id=\"payload\">")
      .append(report_payload(input))
      .append("</script>\n");
  out.append("<script>").append(report_script()).append("</script>\n</body>\n</html>\n");
  return out;
}

}  // namespace moestress::report
