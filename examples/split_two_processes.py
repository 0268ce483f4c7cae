"""Split fine-tuning in two processes: texts and labels stay on the edge, the cloud has the rest.

    python examples/split_two_processes.py
    python examples/split_two_processes.py --bytes-per-second 100000
    python examples/split_two_processes.py --data-dir DIR --batch-size 16

starts an edge and a cloud that meet over torch.distributed (gloo) and fine-tune a tiny random BERT,
or with --data-dir the MiniLM and the tweets that `edgegym fetch` gets. The same two halves are
trained in one process besides: the weights are the same to the last bit. On two machines give the
roles yourself: --role edge (or cloud) --meet tcp://HOST:PORT.

Of a batch the edge sends its shape, the attention mask and the thin tensor. It gets the logits
back, works out the loss with its own labels, and sends the gradient of the logits; the cloud
answers with the gradient of the thin tensor. No text, no token and no label crosses. What is
counted is what is sent, without what gloo adds of its own. Needs the extra `text`.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from edgegym.learning import split
from edgegym.learning.minilm import N_TOKENS, cut_to_tokens, whole
from edgegym.learning.texts import read_texts
from edgegym.scenario.catalogue import TEXTS

EDGE, CLOUD = 0, 1
N_CLASSES = 2


class Link:
    """What both sides send over: counts bytes by what they are, and may be as slow as a radio."""

    def __init__(self, other: int, bytes_per_second: float | None) -> None:
        self.other, self.bytes_per_second, self.sent = other, bytes_per_second, Counter[str]()

    def send(self, what: str, values: Tensor) -> None:
        """Send a tensor, whose shape the other side knows."""
        values = values.detach().contiguous()
        n_bytes = values.numel() * values.element_size()
        self.sent[what] += n_bytes
        if self.bytes_per_second:
            time.sleep(n_bytes / self.bytes_per_second)
        dist.send(values, self.other)

    def receive(self, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """Receive a tensor of a shape."""
        values = torch.empty(*shape, dtype=dtype)
        dist.recv(values, self.other)
        return values


def make_halves(options: argparse.Namespace) -> tuple[nn.Module, nn.Module]:
    """Make the same halves in every process; both sides throw the other one away."""
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(0)
    # Dropout would draw other numbers in two processes than in one.
    still = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    if options.data_dir:
        model = whole((N_TOKENS,), N_CLASSES, options.data_dir)  # without dropout as well
    else:
        small = {"hidden_size": 32, "intermediate_size": 128, "vocab_size": 100}
        config = BertConfig(**small, num_hidden_layers=4, num_attention_heads=4, **still)
        model = BertForSequenceClassification(config)
    return split(model.train(), options.layer, options.rank)


def read_data(options: argparse.Namespace) -> tuple[list[Tensor], Tensor]:
    """Read tokens and labels, which the edge alone holds."""
    if options.data_dir:
        texts, labels = read_texts(options.data_dir, TEXTS["tweets"])
        return cut_to_tokens(texts, options.data_dir), torch.tensor(labels)
    rng = np.random.default_rng(1)
    lengths = rng.integers(4, 12, size=64)
    tokens = [torch.from_numpy(rng.integers(1, 100, size=length)) for length in lengths]
    return tokens, torch.from_numpy(rng.integers(N_CLASSES, size=64))


def batches(options: argparse.Namespace) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Draw the mini-batches: tokens, padded to the longest of them, mask and labels."""
    tokens, labels = read_data(options)
    rng = np.random.default_rng(0)
    drawn = [rng.integers(len(tokens), size=options.batch_size) for _ in range(options.steps)]
    padded = [nn.utils.rnn.pad_sequence([tokens[i] for i in index], True) for index in drawn]
    return [(ids, (ids != 0).long(), labels[i]) for ids, i in zip(padded, drawn, strict=True)]


def adamw(half: nn.Module) -> torch.optim.AdamW:
    """Make the optimiser of one side."""
    return torch.optim.AdamW(half.parameters(), lr=5e-5, weight_decay=0.01)


def run_edge(front: nn.Module, link: Link, options: argparse.Namespace) -> list[float]:
    """Hold texts and labels, and train the lower half."""
    optimiser, losses = adamw(front), []
    for ids, mask, labels in batches(options):
        crossed = front(ids, attention_mask=mask)
        link.send("shape", torch.tensor(ids.shape))
        link.send("mask", mask.to(torch.uint8))
        link.send("thin tensor", crossed)
        logits = link.receive(len(labels), N_CLASSES).requires_grad_()
        loss = cross_entropy(logits, labels)
        loss.backward()
        link.send("gradient of logits", logits.grad)
        optimiser.zero_grad()
        crossed.backward(link.receive(*crossed.shape))
        optimiser.step()
        losses.append(loss.item())
    return losses


def run_cloud(back: nn.Module, link: Link, options: argparse.Namespace) -> list[float]:
    """Hold nothing but the upper half, and train it."""
    optimiser = adamw(back)
    for _ in range(options.steps):
        shape = link.receive(2, dtype=torch.int64).tolist()
        mask = link.receive(*shape, dtype=torch.uint8).long()
        crossed = link.receive(*shape, options.rank).requires_grad_()
        logits = back(crossed, attention_mask=mask)
        link.send("logits", logits)
        optimiser.zero_grad()
        logits.backward(link.receive(*logits.shape))
        link.send("gradient of thin tensor", crossed.grad)
        optimiser.step()
    return []


def run_alone(front: nn.Module, back: nn.Module, options: argparse.Namespace) -> list[float]:
    """Train both halves in one process, as one network."""
    optimiser, losses = adamw(nn.ModuleList([front, back])), []
    for ids, mask, labels in batches(options):
        logits = back(front(ids, attention_mask=mask), attention_mask=mask)
        loss = cross_entropy(logits, labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses


def play(options: argparse.Namespace) -> None:
    """Play one role, and leave what came of it in a file."""
    rank = EDGE if options.role == "edge" else CLOUD
    dist.init_process_group("gloo", init_method=options.meet, rank=rank, world_size=2)
    link = Link(CLOUD - rank, options.bytes_per_second)
    half, begun = make_halves(options)[rank], time.perf_counter()
    losses = (run_edge if rank == EDGE else run_cloud)(half, link, options)
    seconds = time.perf_counter() - begun
    print(f"{options.role} sent {dict(link.sent)} bytes in {seconds:.1f} s", flush=True)
    if options.keep:
        weights = [value.detach() for value in half.parameters()]
        torch.save({"weights": weights, "sent": dict(link.sent), "losses": losses}, options.keep)
    dist.destroy_process_group()


def compare(options: argparse.Namespace, arguments: list[str]) -> None:
    """Start both roles, train in one process as well, and compare."""
    with tempfile.TemporaryDirectory() as folder:
        kept = {role: Path(folder) / f"{role}.pt" for role in ("edge", "cloud")}
        meet = ["--meet", (Path(folder) / "meet").as_uri()]
        begin = [sys.executable, __file__, *arguments, *meet]
        processes = [
            subprocess.Popen([*begin, "--role", role, "--keep", file])
            for role, file in kept.items()
        ]
        if any([process.wait() for process in processes]):
            sys.exit("A process failed; its message stands above.")
        edge, cloud = (torch.load(file) for file in kept.values())
    halves = make_halves(options)
    before = [value.detach().clone() for half in halves for value in half.parameters()]
    losses = run_alone(*halves, options)
    after = [value.detach() for half in halves for value in half.parameters()]
    apart = edge["weights"] + cloud["weights"]
    off = max(float((one - two).abs().max()) for one, two in zip(after, apart, strict=True))
    moved = max(float((one - two).abs().max()) for one, two in zip(after, before, strict=True))
    print(
        f"After {options.steps} AdamW steps weights differ from those of one process by {off:g} at "
        f"most, moved by {moved:.2g}, and losses by {max_gap(losses, edge['losses']):g}."
    )
    both = edge["sent"]["thin tensor"], cloud["sent"]["gradient of thin tensor"]
    print(f"The thin tensor took {both[0]:,} bytes up, its gradient {both[1]:,} bytes down.")


def max_gap(one: list[float], other: list[float]) -> float:
    """Give the largest difference of two lists."""
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


def read_options(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layer", type=int, default=2, help="split layer")
    parser.add_argument("--rank", type=int, default=8, help="numbers of a token that cross")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--bytes-per-second", type=float, help="how slow the link is")
    parser.add_argument("--data-dir", type=Path, help="where MiniLM and the tweets lie")
    parser.add_argument("--role", choices=["edge", "cloud"], help="play one side alone")
    parser.add_argument("--meet", help="where the sides meet, such as tcp://HOST:PORT")
    parser.add_argument("--keep", type=Path, help="file for what came of it")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> None:
    """Play a role, or both and compare."""
    torch.set_num_threads(1)
    options = read_options(arguments)
    try:
        import transformers
    except ImportError:
        sys.exit("transformers is not installed; get it with `pip install 'edgegym[text]'`.")
    transformers.logging.set_verbosity_error()
    if options.role:
        play(options)
    else:
        compare(options, arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
