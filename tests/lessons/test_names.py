import numpy as np
import pytest


@pytest.fixture(scope="module")
def shown(lesson):
    return lesson("names")


def test_the_table_holds_the_shares_of_the_pairs(shown):
    assert (len(shown["train"]), len(shown["valid"])) == (1795, 200)
    text = "".join(f".{name}" for name in shown["train"]) + "."
    pairs = [text[i : i + 2] for i in range(len(text) - 1)]
    after_q = [b for a, b in pairs if a == "q"]
    row = shown["table"][shown["CHARACTERS"].index("q")]
    assert row[shown["CHARACTERS"].index("u")] == pytest.approx((after_q.count("u") + 1) / (len(after_q) + 27))
    np.testing.assert_allclose(shown["table"].sum(axis=1), 1)


def test_the_network_finds_the_table_and_its_loss(shown):
    assert shown["curve"][-1] == pytest.approx(shown["lowest"], abs=1e-5)
    np.testing.assert_allclose(shown["learned"], shown["table"], atol=1e-3)
    assert shown["losses"]["network of pairs"] == pytest.approx(shown["losses"]["counts of pairs"], abs=1e-4)
    assert shown["start"] > 3.2


def test_a_pair_tells_much_about_the_next_letter(shown):
    assert "".join(pair[0] for pair in shown["first"]) == "." + shown["train"][0]
    assert shown["losses"]["no knowledge"] == pytest.approx(np.log(27))
    assert shown["losses"]["counts of pairs"] == pytest.approx(2.5377, abs=1e-3)
    assert all(word.isalpha() for words in shown["invented"].values() for word in words if word)
    assert [path.name for path in shown["OUTPUT"].iterdir()] == ["names.png"]
