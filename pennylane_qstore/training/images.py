"""Images with ten labels, such as Fashion-MNIST, as rows of pixels or principal components."""

import gzip
import math
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.training.data import SPLIT_SEED, TEST_SHARE
from pennylane_qstore.training.errors import ImageFileError, MissingExtraError

try:
    from sklearn.datasets import load_digits
    from sklearn.decomposition import PCA
    from sklearn.model_selection import train_test_split
except ImportError as error:
    raise MissingExtraError("train", error) from error

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

GZIP_MAGIC = b"\x1f\x8b"
UNSIGNED_BYTES = 0x08
"""Code of the type that IDX files of images and labels hold."""


@dataclass(frozen=True, slots=True, eq=False)
class Images:
    """Images as rows, split for training and testing.

    Attributes:
        name: What the images are; put it on everything that is made of them.
        x_train: Pixels from 0 to 1, or components, shape ``(n_train, n_features)``.
        y_train: Labels from 0, shape ``(n_train,)``.
        x_test: As ``x_train``, shape ``(n_test, n_features)``.
        y_test: Labels from 0, shape ``(n_test,)``.
    """

    name: str
    x_train: FloatArray
    y_train: IntArray
    x_test: FloatArray
    y_test: IntArray

    def subset(self, n_train: int, n_test: int, *, seed: int = 0) -> "Images":
        """Choose samples at random; all of them where there are fewer."""
        rng = np.random.default_rng(seed)
        train = rng.permutation(len(self.y_train))[:n_train]
        test = rng.permutation(len(self.y_test))[:n_test]
        return Images(
            self.name,
            self.x_train[train],
            self.y_train[train],
            self.x_test[test],
            self.y_test[test],
        )


def load_images(folder: str | Path) -> Images:
    """Read a data set in the format of MNIST and Fashion-MNIST.

    The folder has to hold ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``,
    ``t10k-images-idx3-ubyte`` and ``t10k-labels-idx1-ubyte``, each with or without ``.gz``.

    Args:
        folder: Where the four files are.

    Returns:
        Pixels divided by 255, one row for each image, named after the folder.

    Raises:
        ImageFileError: If a file is missing, is no IDX file of that many dimensions, is truncated
            or has bytes left over, or if files do not fit each other.

    References:
        LeCun, Cortes and Burges, the MNIST database (1998); Xiao, Rasul and Vollgraf,
        arXiv:1708.07747 (2017).
    """
    folder = Path(folder)
    x_train, y_train = _load_part(folder, "train")
    x_test, y_test = _load_part(folder, "t10k")
    if x_train.shape[1] != x_test.shape[1]:
        raise ImageFileError(
            f"images for training have {x_train.shape[1]} pixels, those for testing "
            f"{x_test.shape[1]}; take all files from one data set",
            folder,
        )
    return Images(folder.resolve().name, x_train, y_train, x_test, y_test)


def load_digit_images() -> Images:
    """Load scikit-learn's bundled digits (1797 images, 8 × 8 pixels), in the same form.

    A fifth of the samples, stratified by label, is held out for testing.
    """
    pixels, labels = load_digits(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(
        pixels / 16, labels, test_size=TEST_SHARE, stratify=labels, random_state=SPLIT_SEED
    )
    return Images("scikit-learn digits", x_train, y_train, x_test, y_test)


def project(images: Images, n_features: int) -> Images:
    """Replace pixels by leading principal components, fitted on the training samples alone.

    Raises:
        InvalidOptionError: If there are fewer pixels or training samples than ``n_features``.
    """
    most = min(images.x_train.shape)
    if not 1 <= n_features <= most:
        raise InvalidOptionError(
            f"{n_features} principal components of {images.x_train.shape[0]} training samples "
            f"with {images.x_train.shape[1]} pixels; ask for 1 to {most}"
        )
    components = PCA(n_features, svd_solver="covariance_eigh").fit(images.x_train)
    return replace(
        images,
        x_train=components.transform(images.x_train),
        x_test=components.transform(images.x_test),
    )


def read_idx(path: str | Path, n_dimensions: int) -> NDArray[np.uint8]:
    """Read one IDX file of unsigned bytes, compressed by gzip or not.

    Four bytes say 0, 0, the type and the number of dimensions; big-endian 32-bit sizes follow, and
    then the values.

    Args:
        path: The file.
        n_dimensions: 3 for images, 1 for labels.

    Raises:
        ImageFileError: If it cannot be read, its magic number is another one, or its length is not
            what its header says.
    """
    path = Path(path)
    content = _read(path)
    magic = bytes([0, 0, UNSIGNED_BYTES, n_dimensions])
    start = 4 + 4 * n_dimensions
    if content[:4] != magic:
        raise ImageFileError(
            f"magic number is {content[:4].hex() or 'missing'}, not {magic.hex()}; give an IDX "
            f"file of unsigned bytes with {n_dimensions} dimensions",
            path,
        )
    shape = np.frombuffer(content[4:start], ">u4") if len(content) >= start else None
    wanted = start if shape is None else start + math.prod(shape.tolist())
    if shape is None or len(content) != wanted:
        raise ImageFileError(
            f"has {len(content)} bytes, but its header needs {wanted}; it is truncated or "
            "damaged: get it again",
            path,
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape.tolist())


def _read(path: Path) -> bytes:
    """The content, decompressed where it begins as gzip does."""
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content.startswith(GZIP_MAGIC) else content
    except (OSError, EOFError, zlib.error) as error:
        raise ImageFileError(f"cannot be read ({error}); get it again", path) from error


def _load_part(folder: Path, part: str) -> tuple[FloatArray, IntArray]:
    images_path = _find(folder, f"{part}-images-idx3-ubyte")
    labels_path = _find(folder, f"{part}-labels-idx1-ubyte")
    images, labels = read_idx(images_path, 3), read_idx(labels_path, 1)
    if len(images) != len(labels) or not len(labels):
        raise ImageFileError(
            f"has {len(images)} images, but {labels_path.name} has {len(labels)} labels; take both "
            "from one data set",
            images_path,
        )
    return images.reshape(len(images), -1) / 255.0, labels.astype(np.int64)


def _find(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise ImageFileError(
        f"holds neither {name} nor {name}.gz; name the folder with the four IDX files", folder
    )
