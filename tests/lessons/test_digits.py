import numpy as np
import pytest


def test_at_least_975_of_1000_test_images_are_classified_correctly(lesson):
    digits = lesson("digits")
    assert digits["accuracy"] >= 0.975
    assert digits["accuracy"] >= digits["plain_accuracy"]
    assert len(digits["train_y"]) + len(digits["valid_y"]) + len(digits["test_y"]) == 1797


def test_every_part_has_its_share_of_each_digit(lesson):
    digits = lesson("digits")
    counts = [np.bincount(digits[f"{part}_y"]) for part in ("train", "valid", "test")]
    np.testing.assert_allclose(counts / sum(counts), np.outer([0.7, 0.15, 0.15], np.ones(10)), atol=0.01)


def test_training_stops_early_with_the_weights_of_the_best_epoch(lesson):
    digits = lesson("digits")
    history = digits["history"]
    assert history.best_epoch == np.argmin(history.valid_loss) + 1
    assert len(history) == min(history.best_epoch + 10, digits["EPOCHS"])
    logits = digits["tg"].predict(digits["model"], digits["valid_x"])
    assert digits["tg"].cross_entropy(logits, digits["valid_y"]) == pytest.approx(min(history.valid_loss))


def test_the_confusion_matrix_and_the_drawn_mistakes_show_the_same_errors(lesson):
    digits = lesson("digits")
    matrix, mistakes = digits["matrix"], digits["mistakes"]
    assert matrix.sum() == len(digits["test_y"])
    assert matrix.sum() - matrix.trace() == len(mistakes) == round((1 - digits["accuracy"]) * matrix.sum())
    assert set(mistakes) <= set(digits["hardest"])
    for name in ("digits_run.png", "digits_mistakes.png"):
        assert (digits["OUTPUT"] / name).read_bytes().startswith(b"\x89PNG")


def test_a_moved_image_is_the_image_shifted_by_one_pixel(lesson):
    digits = lesson("digits")
    image = np.arange(64.0).reshape(1, 64)
    same, left, right, up, down = digits["moved"](image).reshape(5, 8, 8)
    square = image.reshape(8, 8)
    assert (same == square).all()
    assert (left[:, :-1] == square[:, 1:]).all()
    assert (right[:, 1:] == square[:, :-1]).all()
    assert (up[:-1] == square[1:]).all()
    assert (down[1:] == square[:-1]).all()
