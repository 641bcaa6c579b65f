"""Modules that are a user's own: scripts, notebooks, and folders of a project that no library is called by.

For words alone. Nobody but their author can read them, so they can't be vouched for; a library of that name would be
judged in the same way.
"""

from __future__ import annotations

_OWN = frozenset(
    "__main__ __mp_main__ src source code_base model models net nets network networks arch archs architecture architectures backbone backbones module "
    "modules layer layers main train training train_model run solver engine experiment experiments exp project app apps api script "
    "scripts notebook notebooks util utils utility utilities tool tools helper helpers common lib libs library core config configs configuration conf "
    "cfg params hparams options opts settings constants dataset data_loader dataloader dataloaders data_utils preprocessing preprocess features "
    "pipeline pipelines transforms custom custom_layers custom_models mymodel my_model mylib my_utils agent agents env envs environment loss "
    "losses metrics predict predictor inference evaluate evaluation test tests demo example examples nn_models classifier classifiers encoder "
    "decoder encoders decoders unet resnet vgg transformer lstm cnn gan vae ppo dqn actor critic policy policies tokenizer vocab vocabulary".split()
)


def is_own(module: str) -> bool:
    """Return True if *module* is what people call a module of their own."""
    return module.partition(".")[0] in _OWN
