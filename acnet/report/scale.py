"""What the report must know of a scale."""

import dataclasses
from pathlib import Path

from acnet.errors import AcnetError
from acnet.params.campaign import Campaign
from acnet.params.measures import Measures, Rule, load_measures, load_rule
from acnet.params.scales import misspelt
from acnet.params.tables import Source


@dataclasses.dataclass(frozen=True)
class ScaleInfo:
    """A scale as the report sees it.

    `comparable` says whether absolute numbers may be set against those of cited methods; `generated` whether its images
    may be published; `roles` maps a backbone of the paper to the one that stands in for it; `measures` say how sure a
    number is, `rule` what decides a claim; `titles` are the words for protocols; `seeds` are those of all runs
    together, of which a run may have only some; `stand_ins` names, by run and protocol, the dataset that stands in for
    a run's own and the split that is scored; `blocks` is the pattern of its dependent images, `class_groups` names the
    groups of its classes.
    """

    name: str
    title: str
    banner: str
    comparable: bool
    seeds: list[int]
    tables: list[str]
    figures: list[str]
    generated: bool
    roles: dict[str, str]
    measures: Measures
    rule: Rule
    titles: dict[str, str] = dataclasses.field(default_factory=dict)
    stand_ins: dict[Source, str] = dataclasses.field(default_factory=dict)
    blocks: dict[str, str] = dataclasses.field(default_factory=dict)
    class_groups: dict[str, dict[str, list[str]]] = dataclasses.field(default_factory=dict)

    @property
    def shown(self) -> list[str]:
        """The tables and figures."""
        return [*self.tables, *self.figures]

    def title_of(self, protocol: str) -> str:
        """The words for a protocol; its key where it has none."""
        return self.titles.get(protocol, protocol)

    def require(self, name: str) -> None:
        """Raise AcnetError if the table or figure `name` is not part of this scale."""
        if name not in self.shown:
            have = f"it has {', '.join(self.shown)}{misspelt(name, self.shown)}"
            raise AcnetError(f"scale {self.name}: it has no {name}; {have}")


def scale_info(campaign: Campaign, results_root: Path) -> ScaleInfo:
    """What the report needs to know of the scale of `campaign`; its results tell which tables have been requested."""
    scale = campaign.scale
    backbones = {"r50": "ResNet-50", "r101": "ResNet-101"}
    shown = scale.tables + campaign.requested(results_root)
    used = {name: campaign.datasets[dataset] for name, dataset in campaign.runs_with_data.items()}
    stand_ins = {paper: campaign.datasets[name] for paper, name in scale.stands_in.items() if name != paper}
    return ScaleInfo(
        name=campaign.scale_name,
        title=scale.title,
        banner=scale.banner,
        comparable=scale.comparable,
        seeds=list(dict.fromkeys(seed for seeds in (scale.seeds, *scale.more_seeds.values()) for seed in seeds)),
        tables=shown,
        figures=scale.figures,
        generated=campaign.generated,
        roles={paper: campaign.backbone(role) for role, paper in backbones.items()},
        measures=load_measures(campaign.params),
        rule=load_rule(campaign.params),
        titles=campaign.titles,
        stand_ins={
            (run, protocol): f"{dataset.title}, split {campaign.protocol(protocol, run).split or dataset.evaluate}"
            for run, protocol in campaign.tables.sources(shown)
            if (dataset := stand_ins.get(campaign.entry(run).dataset))
        },
        blocks={name: dataset.blocks for name, dataset in used.items() if dataset.blocks},
        class_groups={name: dataset.class_groups for name, dataset in used.items() if dataset.class_groups},
    )
