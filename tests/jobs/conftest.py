"""Small sets of photos for whole jobs."""

import pytest

from tests.docs.small import write_photos
from tests.jobs.stand_in import stand_in  # noqa: F401
from tests.models.classifier.conftest import write_folders


@pytest.fixture(scope="session")
def made_things(tmp_path_factory):
    """A VOC set of a dozen photos with two classes; not to be changed."""
    folder = tmp_path_factory.mktemp("made") / "my things"
    write_photos(folder, 2)
    return folder


@pytest.fixture(scope="session")
def made_colours(tmp_path_factory):
    """Eighteen photos in folders of three classes; not to be changed."""
    return write_folders(tmp_path_factory.mktemp("made") / "colours")
