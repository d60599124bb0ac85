"""Servers that never answer. Apart from the tests that they belong to, since these wait for minutes and need no quiet
machine meanwhile."""

from fault_case import FaultCase, main


class HangsOnBadJson(FaultCase):
    id = "4.2"

    def test_it_is_found(self):
        test = self.simulated("never answers bad JSON", "--prefill-tok-s 1000 --context 512")
        self.assert_found(test, "got neither answer nor close")


class HangsOnOverflow(FaultCase):
    id = "2.3"
    plan = 'extends = "smoke"\n[target]\ncontext_tokens = 512\n'

    def test_it_is_found(self):
        options = f"--gguf {self.random_model()} --context 512 --prefill-tok-s 4000"
        test = self.simulated("a context that hangs when it overflows", options)
        self.assert_found(test, "no byte after")


if __name__ == "__main__":
    main()
