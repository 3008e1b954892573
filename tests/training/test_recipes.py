"""Promise: a recipe fits its epochs to the size of the set, and a call of ``train`` that means none
of what there is is told so."""

import pytest

from maskdet import Config, LiteConfig, MobileConfig
from maskdet.errors import ConfigError, UsageError
from maskdet.training.recipes import (
    RecipeStage,
    check_stage_arguments,
    described,
    recipe_stages,
)


def config(**settings):
    made = LiteConfig()
    for name, value in settings.items():
        setattr(made, name, value)
    return made


# ---- epochs ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("photos", "epochs"),
    [
        # Photos shown: 800 and 4000 times the root of (photos / 100).
        pytest.param(100, (8, 40), id="100: as it is written"),
        pytest.param(400, (4, 20), id="400: twice the photos, half the epochs"),
        pytest.param(25, (16, 80), id="25: half the photos, twice the epochs"),
        pytest.param(50, (11, 57), id="50: 565.7 / 50 = 11.3 and 56.6"),
        pytest.param(131, (7, 35), id="131: 915.6 / 131 = 6.99 and 34.9"),
        pytest.param(292, (5, 23), id="292: 1367 / 292 = 4.68 and 23.4"),
        pytest.param(1, (80, 400), id="a single photo"),
        pytest.param(1_000_000, (1, 1), id="a million: each stage once at least"),
    ],
)
def test_photos_shown_grow_with_the_root_of_the_set(photos, epochs):
    made = config(RECIPES={"mine": (("heads", 1.0, 800), ("all", 0.5, 4000))}, LEARNING_RATE=0.002)
    assert recipe_stages(made, "mine", photos) == [
        RecipeStage("heads", 0.002, epochs[0]),
        RecipeStage("all", 0.001, epochs[1]),
    ]


@pytest.mark.parametrize("kind", [Config, LiteConfig, MobileConfig])
@pytest.mark.parametrize("name", ["default", "quick"])
def test_recipes_of_every_config_train_the_heads_first_and_all_more_gently(kind, name):
    heads, everything = recipe_stages(kind(), name, 100)
    assert (heads.layers, everything.layers) == ("heads", "all")
    assert heads.learning_rate == kind.LEARNING_RATE > everything.learning_rate > 0
    assert sum(s.epochs for s in recipe_stages(kind(), "quick", 100)) <= 0.5 * sum(
        s.epochs for s in recipe_stages(kind(), "default", 100)
    )


def test_one_photo_is_one():
    assert described("quick", 1, []).startswith("Recipe 'quick' for 1 photo: ")


def test_what_is_said_of_a_recipe():
    stages = [RecipeStage("heads", 0.002, 1), RecipeStage("all", 0.00125, 23)]
    assert described("quick", 292, stages) == (
        "Recipe 'quick' for 292 photos: 1 epoch of 'heads' at rates up to 0.002, "
        "then 23 epochs of 'all' at rates up to 0.00125."
    )


# ---- what cannot be ----------------------------------------------------------------------------
def test_an_unknown_recipe_lists_the_known_and_the_nearest():
    match = r"no recipe 'defualt' \(did you mean 'default'\?\); LiteConfig.RECIPES has 'default'"
    with pytest.raises(UsageError, match=match):
        recipe_stages(config(), "defualt", 100)
    with pytest.raises(UsageError, match=r"no recipe 'xyz'; LiteConfig.RECIPES has"):
        recipe_stages(config(), "xyz", 100)


@pytest.mark.parametrize(
    "stage",
    [
        pytest.param(("heads", 1.0), id="two of three"),
        pytest.param("heads", id="a word"),
        pytest.param(7, id="a number"),
        pytest.param((5, 1.0, 800), id="layers that are no word"),
        pytest.param(("heads", "1", 800), id="a rate that is a word"),
        pytest.param(("heads", True, 800), id="a rate that is True"),
        pytest.param(("heads", -1.0, 800), id="a rate below nothing"),
        pytest.param(("heads", 1.0, 0), id="no photos"),
    ],
)
def test_a_stage_that_cannot_be_is_shown_with_one_that_can(stage):
    made = config(RECIPES={"mine": (("heads", 1.0, 800), stage)})
    match = r"A stage in RECIPES is .*such as \(\"heads\", 1\.0, 800\)"
    with pytest.raises(ConfigError, match=match):
        recipe_stages(made, "mine", 100)


STAGE = {"learning_rate": 0.1, "epochs": 2, "layers": "heads"}


def test_none_of_a_stages_arguments_mean_a_recipe_and_all_of_them_a_stage():
    nothing = dict.fromkeys(STAGE)
    assert check_stage_arguments(None, **nothing) and check_stage_arguments("quick", **nothing)
    assert not check_stage_arguments(None, **STAGE)
    assert not check_stage_arguments(None, **(STAGE | {"learning_rate": 0.0}))


@pytest.mark.parametrize("recipe", [None, "quick"])
@pytest.mark.parametrize(
    ("missing", "words"),
    [
        (["epochs"], "epochs"),
        (["layers"], "layers"),
        (["learning_rate", "layers"], "learning_rate and layers"),
    ],
    ids=["epochs", "layers", "two"],
)
def test_some_of_a_stages_arguments_are_too_few(recipe, missing, words):
    match = rf"train\(\) lacks {words}; a stage needs learning_rate, epochs, layers, a whole recipe"
    with pytest.raises(UsageError, match=match):
        check_stage_arguments(recipe, **(STAGE | dict.fromkeys(missing)))


def test_a_recipe_and_a_stage_are_one_too_many():
    match = r"recipe='quick' and a stage's learning_rate, epochs, layers beside it; give one or"
    with pytest.raises(UsageError, match=match):
        check_stage_arguments("quick", **STAGE)
