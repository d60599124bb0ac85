from fault_case import FaultCase, main


class Generation(FaultCase):
    id = "1.2"

    def test_a_sound_server(self):
        self.assert_sound(self.simulated())

    def test_a_wrong_usage_count(self):
        self.assert_found(self.simulated("wrong usage count"), "the server counts")


if __name__ == "__main__":
    main()
