import HostTools
import Testing

@testable import GuestSessions

@Suite struct ByteQueueTests {
    private func take(_ queue: inout ByteQueue, _ count: Int) -> [UInt8] {
        var taken: [UInt8] = []
        _ = queue.take { buffer in
            taken = Array(buffer.prefix(count))
            return taken.count
        }
        return taken
    }

    @Test func bytesComeOutInTheOrderInWhichTheyCameIn() {
        var queue = ByteQueue()
        #expect(queue.isEmpty)
        queue.append([1, 2, 3])
        queue.append([4])
        #expect(queue.count == 4)
        #expect(take(&queue, 2) == [1, 2])
        #expect(queue.count == 2)
        queue.append([5])
        #expect(take(&queue, 9) == [3, 4, 5])
        #expect(queue.isEmpty)
        #expect(take(&queue, 9) == [])
    }

    @Test func aTakerThatTakesNothingLeavesAllOfIt() {
        var queue = ByteQueue()
        queue.append([1, 2])
        #expect(queue.take { _ in 0 } == 0)
        #expect(take(&queue, 5) == [1, 2])
    }

    @Test func whatIsRemovedIsGone() {
        var queue = ByteQueue()
        queue.append([1, 2, 3])
        _ = take(&queue, 1)
        queue.removeAll()
        #expect(queue.isEmpty)
        queue.append([9])
        #expect(take(&queue, 5) == [9])
    }

    @Test(arguments: 0..<8) func anyMixtureOfPutsAndTakesIsThatOfAnArray(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var queue = ByteQueue()
        var model: [UInt8] = []
        for _ in 0..<400 {
            if Bool.random(using: &random) {
                let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: random.next()), count: Int.random(in: 0...20_000, using: &random))
                queue.append(bytes[...])
                model += bytes
            } else {
                let count = Int.random(in: 0...30_000, using: &random)
                let taken = take(&queue, count)
                // One piece at a time.
                #expect(taken == Array(model.prefix(taken.count)))
                #expect(taken.isEmpty == (count == 0 || model.isEmpty))
                model.removeFirst(taken.count)
            }
            #expect(queue.count == model.count)
        }
    }

    @Test func largePiecesAreNotCopied() {
        var queue = ByteQueue()
        let piece = [UInt8](repeating: 7, count: 60_000)
        queue.append([1])
        queue.append(piece)
        #expect(take(&queue, 1) == [1])
        let isTheSame = piece.withUnsafeBytes { ours in
            var same = false
            _ = queue.take { theirs in
                same = theirs.baseAddress == ours.baseAddress && theirs.count == ours.count
                return 0
            }
            return same
        }
        #expect(isTheSame)
    }

    @Test func bytesThatComeOneByOneWaitInFewPieces() {
        var queue = ByteQueue()
        for number in 0..<8192 { queue.append([UInt8(truncatingIfNeeded: number)]) }
        #expect(take(&queue, 9000).count == 4096)
        #expect(take(&queue, 9000).count == 4096)
        #expect(queue.isEmpty)
    }
}
