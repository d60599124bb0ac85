#include "stats/distribution.h"

#include <gtest/gtest.h>

#include <cmath>

namespace moestress::stats {
namespace {

// Expected figures are SciPy 1.17's.

TEST(Normal, QuantileAndCdfAgreeWithReference) {
  EXPECT_NEAR(normal_quantile(0.975), 1.959963984540054, 1e-12);
  EXPECT_NEAR(normal_quantile(0.995), 2.5758293035489004, 1e-12);
  EXPECT_NEAR(normal_quantile(0.3), -0.5244005127080409, 1e-12);
  EXPECT_NEAR(normal_quantile(1e-10), -6.361340902404056, 1e-10);
  EXPECT_NEAR(normal_cdf(normal_quantile(0.123)), 0.123, 1e-13);
  EXPECT_NEAR(normal_two_sided(0.95), 1.959963984540054, 1e-12);
}

TEST(Normal, EdgesAreInfiniteAndNonsenseIsNan) {
  EXPECT_EQ(normal_quantile(0), -INFINITY);
  EXPECT_EQ(normal_quantile(1), INFINITY);
  EXPECT_EQ(normal_two_sided(1), INFINITY);
  EXPECT_TRUE(std::isnan(normal_quantile(-0.1)));
  EXPECT_TRUE(std::isnan(normal_quantile(NAN)));
  EXPECT_TRUE(std::isnan(normal_two_sided(1.5)));
}

TEST(StudentT, AgreesWithReference) {
  EXPECT_NEAR(student_t_two_sided(0.95, 1), 12.706204736174694, 1e-9);
  EXPECT_NEAR(student_t_two_sided(0.95, 2.5), 3.5746548420036817, 1e-10);
  EXPECT_NEAR(student_t_two_sided(0.95, 4), 2.7764451051977934, 1e-10);
  EXPECT_NEAR(student_t_two_sided(0.99, 10), 3.16927267261695, 1e-10);
  EXPECT_NEAR(student_t_two_sided(0.95, 1000), 1.9623390808264083, 1e-10);
  EXPECT_NEAR(student_t_cdf(-2.3, 7), 0.027495547602185796, 1e-12);
  EXPECT_NEAR(student_t_cdf(1.1, 3), 0.8241584025326745, 1e-12);
  EXPECT_DOUBLE_EQ(student_t_cdf(0, 5), 0.5);
  EXPECT_TRUE(std::isnan(student_t_two_sided(0.95, 0)));
}

TEST(Binomial, AgreesWithReference) {
  EXPECT_NEAR(binomial_cdf(2, 10, 0.3), 0.3827827863999998, 1e-13);
  EXPECT_NEAR(binomial_cdf(50, 100, 0.5), 0.5397946186935889, 1e-12);
  EXPECT_NEAR(binomial_cdf(900, 1000, 0.9), 0.5154177095659198, 1e-11);
  EXPECT_NEAR(binomial_cdf(4990, 5000, 0.999), 0.03175551952810746, 1e-11);
  EXPECT_NEAR(binomial_cdf(0, 5, 0.1), 0.59049, 1e-13);
  EXPECT_EQ(binomial_cdf(-1, 5, 0.1), 0);
  EXPECT_EQ(binomial_cdf(5, 5, 0.1), 1);
  EXPECT_EQ(binomial_cdf(3, 5, 0), 1);
  EXPECT_EQ(binomial_cdf(3, 5, 1), 0);
}

TEST(IncompleteBeta, AgreesWithReference) {
  EXPECT_NEAR(incomplete_beta(0.5, 0.5, 0.1), 0.20483276469913345, 1e-13);
  EXPECT_NEAR(incomplete_beta(2, 3, 0.5), 0.6875, 1e-13);
  EXPECT_NEAR(incomplete_beta(1000, 2000, 0.33), 0.3506326761341843, 1e-11);
  EXPECT_NEAR(incomplete_beta(0.01, 5, 0.2), 0.9978180380770353, 1e-12);
  EXPECT_NEAR(incomplete_beta(30, 0.5, 0.999), 0.8072373061595369, 1e-12);
  EXPECT_TRUE(std::isnan(incomplete_beta(0, 1, 0.5)));
}

}  // namespace
}  // namespace moestress::stats
