// SPDX-License-Identifier: Apache-2.0
// Answers many calls of fixed reply width in one eth_call; placed by a state override, never deployed.
//
// Calldata, big-endian:
//   4   selector: the first bytes of keccak256("crossmargin.reader.1")
//   8   gas of each call
//   8   cells: calls of all sections
//   8   bytes of the replies of all cells
// then sections, up to the end:
//   4   rows R
//   4   targets T
//   4   bytes of a row
//   4   bytes of a reply
//   4   0: every row goes to each of the T targets. 20: row i goes to target i alone, and T is R
//   20T targets
//   R rows: calldata
//
// Reply: the word keccak256("crossmargin.reader.1"), a status byte a cell, then the replies of all cells; in
// the order of sections, rows, targets. A status is
//   0  not asked: less gas was left than a cell gets
//   1  success, with a reply of exactly the promised bytes
//   2  failed
//   3  success, with a reply of another size
//   4  success without a reply, at an address without code
// A cell whose status is not 1 holds nothing that means anything.
object "Reader" {
    code {
        let tag := 0x4650bd2e9fb4807e09f7a5b8d8210cc7278cbfcc815bf2eea941eefa8626dc1f
        // A cell, or a contract that it calls, that turns to this address finds no reader: it fails, and
        // is asked again where the address has its own code.
        if xor(caller(), origin()) { revert(0, 0) }
        let head := calldataload(0)
        if xor(shr(224, head), shr(224, tag)) { revert(0, 0) }
        let given := and(shr(160, head), 0xffffffffffffffff)
        let status := 32
        let reply := add(status, and(shr(96, head), 0xffffffffffffffff))
        let end := add(reply, and(shr(32, head), 0xffffffffffffffff))
        // The callee gets at most 63/64 of what is left; the rest of the sum is for the loop itself.
        let needed := add(add(given, div(given, 63)), 30000)
        mstore(0, tag)

        let at := 28
        for { } lt(at, calldatasize()) { } {
            let section := calldataload(at)
            let rows := shr(224, section)
            let targets := and(shr(192, section), 0xffffffff)
            let rowSize := and(shr(160, section), 0xffffffff)
            let replySize := and(shr(128, section), 0xffffffff)
            let step := and(shr(96, section), 0xffffffff)

            let target := add(at, 20)
            let row := add(target, mul(20, targets))
            at := add(row, mul(rows, rowSize))
            let last := add(target, 20)
            if iszero(step) { last := row }
            for { } lt(row, at) { row := add(row, rowSize) } {
                // Behind the replies: one row at a time, over the one before.
                calldatacopy(end, row, rowSize)
                for { let to := target } lt(to, last) { to := add(to, 20) } {
                    if lt(gas(), needed) { return(0, end) }
                    let account := shr(96, calldataload(to))
                    // Not more than the promised bytes are copied, whatever is returned.
                    let outcome := 2
                    if staticcall(given, account, end, rowSize, reply, replySize) {
                        outcome := 3
                        if eq(returndatasize(), replySize) { outcome := 1 }
                        if iszero(returndatasize()) {
                            if iszero(extcodesize(account)) { outcome := 4 }
                        }
                    }
                    mstore8(status, outcome)
                    status := add(status, 1)
                    reply := add(reply, replySize)
                }
                target := add(target, step)
                last := add(last, step)
            }
        }
        return(0, end)
    }
}
