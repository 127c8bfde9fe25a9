"""Where a network's initial weights come from."""

from pathlib import Path

from acnet.errors import AcnetError
from acnet.files import no_room
from acnet.params.config import NetworkConfig
from acnet.params.run import InitialWeights
from acnet.params.scales import Scale
from acnet.params.schema import nearest

# torchvision's IMAGENET1K_V1, the weights of the paper's time; the digits are the head of each file's SHA-256.
IMAGENET1K_V1 = {
    "resnet18": ("https://download.pytorch.org/models/resnet18-f37072fd.pth", "f37072fd"),
    "resnet34": ("https://download.pytorch.org/models/resnet34-b627a593.pth", "b627a593"),
    "resnet50": ("https://download.pytorch.org/models/resnet50-0676ba61.pth", "0676ba61"),
    "resnet101": ("https://download.pytorch.org/models/resnet101-63fe2227.pth", "63fe2227"),
}
FOLDER = "data/weights"


def initial_weights(scale: Scale, network: NetworkConfig, fine_tune: str | None, where: str) -> InitialWeights:
    """The initial weights of a run: kind none, run, file (at hand) or url (published, downloaded to FOLDER)."""
    if fine_tune:
        return InitialWeights(kind="run", run=fine_tune, name=f"fine-tuned from {fine_tune}")
    if not scale.pretrained:
        return InitialWeights(kind="none", name="from scratch")
    at_hand = scale.weights.get(network.backbone)
    if at_hand and Path(at_hand.file).is_file():
        return InitialWeights(kind="file", file=at_hand.file, sha256=at_hand.sha256, name=at_hand.name)
    if network.stem == "deep" or network.backbone not in IMAGENET1K_V1:
        what, key = ("the deep stem", "stem") if network.stem == "deep" else (network.backbone, "backbone")
        raise AcnetError(
            f"{where}.{key}: no published weights have {what}; give a file under `weights` of the scale, "
            "or set `pretrained: false` there"
        )
    url, sha256 = IMAGENET1K_V1[network.backbone]
    file = f"{FOLDER}/{url.rsplit('/', 1)[1]}"
    name = f"torchvision {network.backbone} IMAGENET1K_V1"
    return InitialWeights(kind="url", url=url, file=file, sha256=sha256, name=name)


def fetch_weights(name: str) -> None:
    """Download the published weights called `name` into FOLDER and check their hash; AcnetError if that fails."""
    from torch.hub import download_url_to_file

    known = {url.rsplit("/", 1)[1]: (url, sha256) for url, sha256 in IMAGENET1K_V1.values()}
    if name not in known:
        raise AcnetError(f"weights '{name}': not published{nearest(name, known)}")
    url, sha256 = known[name]
    target = Path(FOLDER) / name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        download_url_to_file(url, str(target), hash_prefix=sha256)
    except (OSError, RuntimeError) as error:
        if isinstance(error, OSError) and (refusal := no_room(error, target.parent)):
            raise refusal from error
        raise AcnetError(f"{url}: {error}; or put the file there yourself: {target}") from error
