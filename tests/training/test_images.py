"""IDX files, the digits in their place, and components fitted on the training set alone."""

import gzip
import struct

import numpy as np
import pytest

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.training import (
    ImageFileError,
    Images,
    load_digit_images,
    load_images,
    project,
)
from pennylane_qstore.training.images import read_idx

FILES = {
    "train-images-idx3-ubyte": (5, 4, 3),
    "train-labels-idx1-ubyte": (5,),
    "t10k-images-idx3-ubyte": (2, 4, 3),
    "t10k-labels-idx1-ubyte": (2,),
}


def idx(values):
    """The bytes of an IDX file, by the format's description alone."""
    header = struct.pack(">HBB", 0, 8, values.ndim) + struct.pack(f">{values.ndim}I", *values.shape)
    return header + values.astype(np.uint8).tobytes()


def write(folder, name, values, *, packed=False):
    content = idx(values)
    if packed:
        (folder / f"{name}.gz").write_bytes(gzip.compress(content))
    else:
        (folder / name).write_bytes(content)


@pytest.fixture
def values():
    rng = np.random.default_rng(1)
    return {
        name: rng.integers(0, 256 if len(shape) > 1 else 10, shape) for name, shape in FILES.items()
    }


@pytest.fixture
def folder(tmp_path, values):
    for name, array in values.items():
        write(tmp_path, name, array)
    return tmp_path


@pytest.mark.parametrize("packed", [False, True])
def test_files_are_read_as_written_packed_or_not(tmp_path, values, packed):
    for name, array in values.items():
        write(tmp_path, name, array, packed=packed)
    images = load_images(tmp_path)
    assert images.name == tmp_path.name
    np.testing.assert_array_equal(
        np.rint(images.x_train * 255), values["train-images-idx3-ubyte"].reshape(5, 12)
    )
    np.testing.assert_array_equal(
        np.rint(images.x_test * 255), values["t10k-images-idx3-ubyte"].reshape(2, 12)
    )
    np.testing.assert_array_equal(images.y_train, values["train-labels-idx1-ubyte"])
    np.testing.assert_array_equal(images.y_test, values["t10k-labels-idx1-ubyte"])
    assert images.x_train.min() >= 0
    assert images.x_train.max() <= 1


def test_a_packed_file_is_known_by_its_content_not_its_name(tmp_path, values):
    labels = values["t10k-labels-idx1-ubyte"]
    (tmp_path / "labels").write_bytes(gzip.compress(idx(labels)))
    np.testing.assert_array_equal(read_idx(tmp_path / "labels", 1), labels)


def test_a_missing_file_is_named(folder):
    (folder / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(ImageFileError, match="neither t10k-labels-idx1-ubyte nor") as error:
        load_images(folder)
    assert error.value.path == folder


@pytest.mark.parametrize(
    "start", [b"", b"\x00\x00", b"\x00\x00\x0d\x03", b"\x89PNG", b"\x00\x00\x08\x01"]
)
def test_another_magic_number_is_refused(folder, start):
    path = folder / "train-images-idx3-ubyte"
    path.write_bytes(start + path.read_bytes()[4:] if start else b"")
    with pytest.raises(ImageFileError, match="magic number is .*00000803") as error:
        load_images(folder)
    assert error.value.path == path


@pytest.mark.parametrize("length", [4, 10, 16, 75])
def test_a_truncated_file_is_refused(folder, length):
    path = folder / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ImageFileError, match=f"has {length} bytes, but its header needs"):
        load_images(folder)


def test_bytes_left_over_are_refused(folder):
    path = folder / "t10k-labels-idx1-ubyte"
    path.write_bytes(path.read_bytes() + b"\x00")
    with pytest.raises(ImageFileError, match="has 11 bytes, but its header needs 10"):
        load_images(folder)


@pytest.mark.parametrize("damage", [lambda b: b[:-9], lambda b: b[:20] + b"\xff" * 10 + b[30:]])
def test_a_damaged_gzip_file_is_refused(folder, values, damage):
    path = folder / "train-images-idx3-ubyte"
    path.write_bytes(damage(gzip.compress(path.read_bytes())))
    with pytest.raises(ImageFileError, match="cannot be read") as error:
        load_images(folder)
    assert error.value.path == path


def test_numbers_of_images_and_labels_have_to_agree(folder, values):
    write(folder, "train-labels-idx1-ubyte", values["train-labels-idx1-ubyte"][:4])
    with pytest.raises(ImageFileError, match="has 5 images, but .* has 4 labels"):
        load_images(folder)


def test_an_empty_set_is_refused(folder):
    write(folder, "train-images-idx3-ubyte", np.zeros((0, 4, 3)))
    write(folder, "train-labels-idx1-ubyte", np.zeros(0))
    with pytest.raises(ImageFileError, match="has 0 images"):
        load_images(folder)


def test_training_and_testing_images_have_to_be_of_one_size(folder):
    write(folder, "t10k-images-idx3-ubyte", np.zeros((2, 3, 3)))
    with pytest.raises(ImageFileError, match="12 pixels, those for testing 9"):
        load_images(folder)


def test_digits_are_split_by_label_and_named():
    digits = load_digit_images()
    assert digits.name == "scikit-learn digits"
    assert digits.x_train.shape == (1437, 64)
    assert digits.x_test.shape == (360, 64)
    assert digits.x_train.max() == 1.0
    shares = [np.bincount(y, minlength=10) / len(y) for y in (digits.y_train, digits.y_test)]
    np.testing.assert_allclose(*shares, atol=0.01)


def made_up(n_test, factor=1.0):
    rng = np.random.default_rng(3)
    train, test = rng.random((40, 12)), factor * rng.random((n_test, 12))
    labels = np.arange(40) % 10
    return Images("noise", train, labels, test, labels[:n_test])


def test_components_do_not_depend_on_the_test_samples():
    reference = project(made_up(10), 5)
    for other in (project(made_up(10, 50.0), 5), project(made_up(1), 5)):
        np.testing.assert_array_equal(other.x_train, reference.x_train)
    np.testing.assert_allclose(project(made_up(1), 5).x_test, reference.x_test[:1], atol=1e-12)


def test_components_are_those_of_the_singular_value_decomposition():
    images = made_up(10)
    projected = project(images, 5)
    mean = images.x_train.mean(axis=0)
    axes = np.linalg.svd(images.x_train - mean, full_matrices=False)[2][:5]
    for own, pixels in ((projected.x_train, images.x_train), (projected.x_test, images.x_test)):
        np.testing.assert_allclose(np.abs(own), np.abs((pixels - mean) @ axes.T), atol=1e-10)


def test_too_many_components_are_refused():
    with pytest.raises(InvalidOptionError, match="ask for 1 to 12"):
        project(made_up(10), 13)


def test_a_subset_keeps_samples_and_labels_together():
    images = load_digit_images()
    some = images.subset(20, 10_000, seed=4)
    assert len(some.y_train) == 20
    assert len(some.y_test) == 360
    for x, y in zip(some.x_train, some.y_train, strict=True):
        (where,) = np.flatnonzero((images.x_train == x).all(axis=1))
        assert images.y_train[where] == y
    again = images.subset(20, 10_000, seed=4)
    np.testing.assert_array_equal(again.x_train, some.x_train)
