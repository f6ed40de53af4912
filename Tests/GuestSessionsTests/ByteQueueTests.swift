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
                #expect(taken == Array(model.prefix(count)))
                model.removeFirst(taken.count)
            }
            #expect(queue.count == model.count)
        }
    }
}
