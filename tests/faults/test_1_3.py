from fault_case import main
from load_case import MIB, LoadCase


class Footprint(LoadCase):
    id = "1.3"

    def test_a_sound_server(self):
        self.assert_sound(self.logging(self.honest_log()))

    def test_moestress_serve(self):
        self.assert_sound(self.run_test("--device", "cpu", "--threads", "1"))

    def test_weights_far_from_the_prediction(self):
        predicted = self.predicted()
        test = self.logging(self.load_log(predicted["host"]["weights_bytes"] + 8 * MIB, predicted["device"]["weights_bytes"],
                                          predicted["device"]["kv_bytes"]))
        self.assert_found(test, "weights on the host")

    def test_a_cache_far_from_the_prediction(self):
        predicted = self.predicted()
        test = self.logging(self.load_log(predicted["host"]["weights_bytes"], predicted["device"]["weights_bytes"],
                                          4 * predicted["device"]["kv_bytes"]))
        self.assert_found(test, "KV cache")

    def test_more_memory_than_it_says(self):
        self.assert_found(self.logging(self.honest_log(), fault="holds far more memory than it says"),
                          "of private memory")


if __name__ == "__main__":
    main()
