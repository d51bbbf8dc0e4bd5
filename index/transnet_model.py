"""The TransNetV2 network in torch. Tensor names are those of the published PyTorch weights."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class SeparableConv(nn.Module):
    """A spatial 3x3 convolution, then a dilated one along time."""

    def __init__(self, inputs: int, filters: int, dilation: int) -> None:
        super().__init__()
        across = nn.Conv3d(inputs, 2 * filters, (1, 3, 3), padding=(0, 1, 1), bias=False)
        along = nn.Conv3d(
            2 * filters,
            filters,
            (3, 1, 1),
            padding=(dilation, 0, 0),
            dilation=(dilation, 1, 1),
            bias=False,
        )
        self.layers = nn.ModuleList([across, along])

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


class DilatedBlock(nn.Module):
    """Four branches that look 1, 2, 4 and 8 frames away."""

    def __init__(self, inputs: int, filters: int) -> None:
        super().__init__()
        self.Conv3D_1 = SeparableConv(inputs, filters, 1)
        self.Conv3D_2 = SeparableConv(inputs, filters, 2)
        self.Conv3D_4 = SeparableConv(inputs, filters, 4)
        self.Conv3D_8 = SeparableConv(inputs, filters, 8)
        self.bn = nn.BatchNorm3d(4 * filters, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        branches = (self.Conv3D_1, self.Conv3D_2, self.Conv3D_4, self.Conv3D_8)
        normalised: Tensor = self.bn(torch.cat([branch(x) for branch in branches], dim=1))
        return normalised


class Stack(nn.Module):
    """Two dilated blocks with a shortcut around the second, then half the resolution."""

    def __init__(self, inputs: int, filters: int) -> None:
        super().__init__()
        blocks = [DilatedBlock(inputs, filters), DilatedBlock(4 * filters, filters)]
        self.DDCNN = nn.ModuleList(blocks)

    def forward(self, x: Tensor) -> Tensor:
        first = functional.relu(self.DDCNN[0](x))
        second = functional.relu(self.DDCNN[1](first))
        return functional.avg_pool3d(second + first, (1, 2, 2))


class FrameSimilarity(nn.Module):
    """How alike a frame is to the 50 before and after it, by learned features."""

    def __init__(self, inputs: int, lookup: int) -> None:
        super().__init__()
        self.projection = nn.Linear(inputs, 128)
        self.fc = nn.Linear(lookup, 128)
        self.lookup = lookup

    def forward(self, stages: list[Tensor]) -> Tensor:
        means = torch.cat([stage.mean(dim=(3, 4)) for stage in stages], dim=1)
        features = functional.normalize(self.projection(means.transpose(1, 2)), dim=2)
        return functional.relu(self.fc(similarities(features, self.lookup)))


class ColorHistograms(nn.Module):
    """The same by colour histograms."""

    def __init__(self, lookup: int) -> None:
        super().__init__()
        self.fc = nn.Linear(lookup, 128)
        self.lookup = lookup

    def forward(self, histograms: Tensor) -> Tensor:
        return functional.relu(self.fc(similarities(histograms, self.lookup)))


class TransNetV2(nn.Module):
    """Probability that a frame is the last before a cut, or within a transition."""

    def __init__(self, *, lookup: int = 101) -> None:
        super().__init__()
        filters = (16, 32, 64)
        inputs = (3, 4 * filters[0], 4 * filters[1])
        self.SDDCNN = nn.ModuleList(
            [Stack(before, own) for before, own in zip(inputs, filters, strict=True)]
        )
        self.frame_sim_layer = FrameSimilarity(4 * sum(filters), lookup)
        self.color_hist_layer = ColorHistograms(lookup)
        self.fc1 = nn.Linear(4 * filters[-1] * 3 * 6 + 128 + 128, 1024)
        self.cls_layer1 = nn.Linear(1024, 1)

    def forward(self, frames: Tensor, histograms: Tensor) -> Tensor:
        """frames u8 [B, T, 27, 48, 3], histograms f32 [B, T, 512] unit length -> f32 [B, T]."""
        x = frames.permute(0, 4, 1, 2, 3).to(torch.float32) / 255
        stages = []
        for stack in self.SDDCNN:
            x = stack(x)
            stages.append(x)
        flat = x.permute(0, 2, 3, 4, 1).flatten(2)
        parts = [self.color_hist_layer(histograms), self.frame_sim_layer(stages), flat]
        hidden = functional.relu(self.fc1(torch.cat(parts, dim=2)))
        return torch.sigmoid(self.cls_layer1(hidden)).squeeze(2)


def similarities(features: Tensor, lookup: int) -> Tensor:
    """Dot products of each frame with its neighbourhood: [B, T, D] -> [B, T, lookup], frame t with
    t - lookup // 2 ... t + lookup // 2; zero outside."""
    batch, length = features.shape[:2]
    reach = lookup // 2
    products = functional.pad(features @ features.transpose(1, 2), (reach, reach))
    frames = torch.arange(length, device=features.device).unsqueeze(1)
    columns = frames + torch.arange(lookup, device=features.device)
    return products.gather(2, columns.expand(batch, length, lookup))
